/** `deno serve --allow-env examples/otel.ts`: the throttle's OpenTelemetry metrics, for Prometheus. */
import { PrometheusExporter, PrometheusSerializer } from "@opentelemetry/exporter-prometheus";
import { MeterProvider } from "@opentelemetry/sdk-metrics";
import { withThrottle } from "@weir/throttle";
import { otel } from "@weir/throttle/otel";

// The exporter's own server needs node:http; any server can send its metrics.
const exporter = new PrometheusExporter({ preventServerStart: true });
const meter = new MeterProvider({ readers: [exporter] }).getMeter("api");
const serializer = new PrometheusSerializer();

const hello = (_request: Request, ..._platform: unknown[]) => new Response("hello\n");
const api = withThrottle(hello, { name: "ip", rate: "60/min" }, { observers: [otel({ meter })] });

async function scraped(): Promise<Response> {
  const { resourceMetrics } = await exporter.collect();
  const headers = { "content-type": "text/plain; version=0.0.4; charset=utf-8" };
  return new Response(serializer.serialize(resourceMetrics), { headers });
}

export default {
  // In production, allow only Prometheus to read them.
  fetch: (request: Request, ...platform: unknown[]) =>
    new URL(request.url).pathname === "/metrics" ? scraped() : api(request, ...platform),
};
