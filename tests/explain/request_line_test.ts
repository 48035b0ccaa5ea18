import { assertEquals } from "@std/assert";
import { describe, it } from "node:test";
import { requestFrom } from "../../src/explain/request_line.ts";

describe("requestFrom", () => {
  const read = (line: string): string | null => {
    const request = requestFrom(line);
    return request === null ? null : `${request.method} ${request.url}`;
  };

  it("reads a method and a path, a path alone, or a whole URL", () => {
    assertEquals(read("post /login"), "POST http://localhost/login");
    assertEquals(read(" /items/7?x=1 "), "GET http://localhost/items/7?x=1");
    assertEquals(read("GET https://api.example/login"), "GET https://api.example/login");
  });

  it("takes the slashes at the beginning of a path for slashes, as a server does, and never for a host", () => {
    assertEquals(read("POST //login"), "POST http://localhost//login");
    assertEquals(read("POST //login/x"), "POST http://localhost//login/x");
    assertEquals(read("POST /\\login"), "POST http://localhost//login");
  });

  it("reads nothing else", () => {
    for (const line of ["", "GET", "GET login", "GET /a HTTP/1.1", "GET http://"]) {
      assertEquals(read(line), null, line);
    }
  });
});
