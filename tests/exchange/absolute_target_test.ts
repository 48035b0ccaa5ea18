/** Express, which reads the target of a request line itself, behind a bridge that makes a Request of it. */
import { assertEquals } from "@std/assert";
import express, { type RequestHandler } from "express";
import { createServer } from "node:http";
import { connect } from "node:net";
import { describe, it } from "node:test";
import { NodeRequest } from "srvx/node";
import { createThrottle } from "../../mod.ts";

/** The bodies of the answers to requests with a target as it is written. */
async function answersTo(port: number, target: string, count: number): Promise<string[]> {
  const bodies: string[] = [];
  for (let i = 0; i < count; i++) {
    bodies.push(
      await new Promise((answered, failed) => {
        let text = "";
        const socket = connect(port, "127.0.0.1");
        socket.setEncoding("utf8").on("data", (piece: string) => text += piece).on("error", failed);
        socket.on("close", () => answered(text.split("\r\n\r\n")[1]));
        socket.write(`POST ${target} HTTP/1.1\r\nHost: h.example\r\nConnection: close\r\n\r\n`);
      }),
    );
  }
  return bodies;
}

describe("a request line with a whole URL, in Express", () => {
  for (
    const target of [
      "/login",
      "/login?to=http://other/",
      "http://other/login",
      "http://:80/login",
      "http:///login",
    ]
  ) {
    it(`counts where Express runs the handler: ${target}`, async () => {
      const throttle = createThrottle(["99/min", { name: "login", rate: "1/min", on: "POST /login" }]);
      const limit: RequestHandler = async (req, res, next) => {
        const outcome = await throttle.check(new NodeRequest({ req, res }), req);
        if (outcome.response === null) next();
        else res.status(outcome.response.status).send(outcome.decisions.map(({ rule }) => rule).join());
      };
      const server = createServer(express().use(limit).post("/login", (_req, res) => void res.send("ran")));
      await new Promise<void>((listening) => void server.listen(0, "127.0.0.1", listening));
      try {
        const { port } = server.address() as { port: number };
        const [ran, refused] = await answersTo(port, target, 2);
        // In a runtime whose parser refuses a whole URL nothing runs.
        const runs = target.startsWith("/") || ran === "ran";
        assertEquals([ran, refused], runs ? ["ran", "ip.99-per-1min,login"] : [ran, ran]);
      } finally {
        server.closeAllConnections();
        server.close();
      }
    });
  }

  it("is node's alone: neither a URL in a query nor another object's counts", async () => {
    const { check } = createThrottle({ rate: "1/min", on: "POST /login" }, {
      client: { address: () => "192.0.2.1" },
    });
    const request = new Request("http://h.example/search?from=http://other/login", { method: "POST" });
    const target = "/search?from=http://other/login";
    assertEquals((await check(request, { url: target, socket: {} })).decisions, []);
    assertEquals((await check(request, { url: "http://other/login" })).decisions, []);
  });
});
