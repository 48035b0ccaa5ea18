/** Converts a request to the event of a Lambda function, and the function's result to a response, as AWS does. */
import { Buffer } from "node:buffer";

/** The events of API Gateway's REST APIs (v1), its HTTP APIs (v2) and of function URLs. */
export const lambdaEvents = {
  async v1(request, sourceIp) {
    const { url, headers, content } = await partsOf(request);
    const lists = (entries) =>
      Object.fromEntries(Object.entries(entries).map(([name, value]) => [name, [value]]));
    const query = Object.fromEntries(url.searchParams);
    return {
      ...{ version: "1.0", resource: "/{proxy+}", path: url.pathname, httpMethod: request.method },
      ...{ headers, multiValueHeaders: lists(headers), ...content },
      ...{ queryStringParameters: query, multiValueQueryStringParameters: lists(query) },
      ...{ pathParameters: { proxy: url.pathname.slice(1) }, stageVariables: null },
      requestContext: {
        ...{ accountId: "123456789012", apiId: "weir", stage: "prod", protocol: "HTTP/1.1" },
        ...{ requestId: crypto.randomUUID(), resourcePath: "/{proxy+}", httpMethod: request.method },
        ...{ domainName: url.hostname, path: url.pathname, requestTimeEpoch: Date.now() },
        identity: { sourceIp, userAgent: headers["user-agent"] },
      },
    };
  },
  v2: (request, sourceIp) => version2(request, sourceIp, "weir.execute-api.eu-central-1.amazonaws.com"),
  url: (request, sourceIp) => version2(request, sourceIp, "weir.lambda-url.eu-central-1.on.aws"),
};

async function version2(request, sourceIp, domainName) {
  const { url, headers, content } = await partsOf(request);
  return {
    ...{ version: "2.0", routeKey: "$default", rawPath: url.pathname, rawQueryString: url.search.slice(1) },
    ...{ headers, ...content },
    requestContext: {
      ...{ accountId: "123456789012", apiId: "weir", stage: "$default", routeKey: "$default", domainName },
      ...{ requestId: crypto.randomUUID(), timeEpoch: Date.now() },
      http: {
        ...{ method: request.method, path: url.pathname, protocol: "HTTP/1.1" },
        ...{ sourceIp, userAgent: headers["user-agent"] },
      },
    },
  };
}

async function partsOf(request) {
  const body = await request.text();
  return {
    url: new URL(request.url),
    headers: Object.fromEntries(request.headers),
    content: {
      body: body === "" ? null : Buffer.from(body).toString("base64"),
      isBase64Encoded: body !== "",
    },
  };
}

/** The client's response for a function's result. */
export function responseOf(
  { statusCode, headers, multiValueHeaders, cookies, body, isBase64Encoded },
  method,
) {
  const fields = new Headers(headers);
  for (const [name, values] of Object.entries(multiValueHeaders ?? {})) {
    for (const value of values) fields.append(name, value);
  }
  for (const cookie of cookies ?? []) fields.append("set-cookie", cookie);
  const empty = method === "HEAD" || statusCode === 204 || statusCode === 304;
  const content = isBase64Encoded ? Buffer.from(body, "base64") : body;
  return new Response(empty ? null : content, { status: statusCode, headers: fields });
}
