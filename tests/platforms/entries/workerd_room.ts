import { createThrottle, throttleOf } from "../../../mod.ts";
import { socketRule } from "../../harness/socket_rule.ts";

/** As much of workerd's WebSockets as is used. */
interface WorkerSocket {
  accept(): void;
  addEventListener(type: "close" | "error", listener: () => void): void;
}
declare const WebSocketPair: new () => Record<"0" | "1", WorkerSocket>;

const throttle = createThrottle(socketRule(2, "4s"), { client: { address: () => "192.0.2.1" } });

export default {
  fetch: throttle.wrap((request: Request, _env: unknown, _context: unknown) => {
    if (request.headers.get("upgrade") !== "websocket") return new Response("hello");
    const pair = new WebSocketPair();
    const free = throttleOf(request)!.hold();
    pair[1].accept();
    pair[1].addEventListener("close", free);
    pair[1].addEventListener("error", free);
    return new Response(null, { status: 101, webSocket: pair[0] } as ResponseInit);
  }),
};
