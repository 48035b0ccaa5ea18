/** Responses: their fields before they are made, and changes of them. */
import { assertEquals, assertRejects, assertStrictEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { describe, it } from "node:test";
import { type HeaderFormat, retryAfter } from "../../mod.ts";
import { withHeaders } from "../../src/exchange/response.ts";
import { setFields } from "../../src/headers/format.ts";
import { InitFields } from "../../src/headers/init_fields.ts";
import { throttled } from "../harness/throttled.ts";

const names = fc.constantFrom("X-Own", "x-own", "Retry-After", "retry-after", "constructor", "X-Other");
const texts = fc.constantFrom("", "1", "a b", "caf\u00e9", '"burst";r=1');
const given = fc.dictionary(names, texts);

describe("the fields of a response that is not made yet", () => {
  it("are those that Headers would have after the same changes, whatever the names' case", () => {
    fc.assert(fc.property(fc.array(given), names, (changes, name) => {
      const headers = new Headers();
      let fields = new InitFields({});
      for (const change of changes) {
        setFields(headers, change);
        fields = InitFields.with(fields, change);
        assertEquals([fields.has(name), fields.get(name)], [headers.has(name), headers.get(name)]);
      }
      const response = new Response(null, { headers: fields.record });
      assertEquals(Object.fromEntries(response.headers), Object.fromEntries(headers));
    }));
  });

  it("are the same after what was done for the last response too, as far as it was", () => {
    const look = fc.record({ change: given, name: names });
    fc.assert(fc.property(fc.array(look), fc.array(look), fc.array(look), (both, once, then) => {
      const start = new InitFields({ "x-other": "start" });
      for (const looks of [[...both, ...once], [...both, ...then], [...both, ...then], both]) {
        const headers = new Headers({ "x-other": "start" });
        let fields = start;
        for (const { change, name } of looks) {
          assertEquals(fields.has(name), headers.has(name));
          setFields(headers, change);
          fields = InitFields.with(fields, change);
          if (name === "X-Other") assertEquals(fields.get(name), headers.get(name));
        }
        const response = new Response(null, { headers: fields.record });
        assertEquals(Object.fromEntries(response.headers), Object.fromEntries(headers));
      }
    }));
  });

  it("refuse what Headers refuse, as not every server's Response looks at what it is given", () => {
    const wrong = [["x-own", "a\nb"], ["x-own", "a\0"], ["x-own", "\u4e2d"], ["x own", "a"], [
      "x-\u00e9",
      "a",
    ]];
    for (const [name, text] of wrong) {
      assertThrows(() => new Headers().set(name, text), TypeError);
      const fields = new InitFields({});
      for (let i = 0; i < 2; i++) assertThrows(() => InitFields.with(fields, { [name]: text }), TypeError);
    }
  });

  it("are kept for who adds the same again, and no others, although the object that gave them changed", () => {
    const start = new InitFields({ "x-other": "start" });
    const given: Record<string, string> = { "x-own": "1", "x-other": "2" };
    const sum = InitFields.with(start, given);
    assertStrictEquals(InitFields.with(start, { ...given }), sum);
    assertEquals([start.get("x-own"), start.get("x-other")], [null, "start"]);
    given["x-own"] = "3";
    assertEquals(InitFields.with(start, given).get("x-own"), "3");
    assertEquals(sum.get("x-own"), "1");
    assertEquals(InitFields.with(start, { "x-own": "3" }).record, { "x-other": "start", "x-own": "3" });
    // A field that has no text is none of those that are kept.
    const none = { "x-own": "3", "x-other": undefined } as unknown as Record<string, string>;
    assertEquals(InitFields.with(start, none).record, { "x-own": "3" });
    assertStrictEquals(InitFields.with(start, {}), start);
    assertThrows(
      () => InitFields.with(start, Promise.resolve({}) as unknown as Record<string, string>),
      TypeError,
      "promise",
    );
  });

  it("of a refusal that a format of the user's own spoils are an error of the handler", async () => {
    const spoiling: HeaderFormat = { fields: ({ denied }) => ({ "x-own": denied ? "a\nb" : "a" }) };
    const { send } = throttled("1/min", { headers: [spoiling] });
    assertEquals((await send()).headers.get("x-own"), "a");
    await assertRejects(async () => await send(), TypeError);
  });
});

describe("the response of a denial that is sent time and again", () => {
  it("is each client's own: what one reads, changes or drops, the next gets whole", async () => {
    const { send } = throttled("1/min");
    await send();
    const whole = await send();
    const fields = [...whole.headers];
    const text = await whole.text();
    const changed = await send();
    changed.headers.set("x-own", "1");
    changed.headers.delete("content-type");
    await (await send()).body?.cancel();
    const headed = await send("HEAD /");
    assertEquals([[...headed.headers], await headed.text()], [fields, ""]);
    const last = await send();
    assertEquals([[...last.headers], await last.text()], [fields, text]);
  });

  it("has the fields that the formats give for it, whichever the last ones had", async () => {
    const texts = ["a", "a", "a", "b", "a", "", "", "b", "b", "b", ""];
    let next = 0;
    const own: HeaderFormat = {
      fields: ({ denied }) => denied ? { "X-Own": texts[next++] } : { "x-own": "passed" },
    };
    const { send } = throttled("1/min", { headers: [own, retryAfter()] });
    await send();
    for (const text of texts) {
      const { headers } = await send(text === "b" ? "HEAD /" : "GET /");
      assertEquals([headers.get("x-own") ?? "", headers.get("retry-after")], [text, "60"]);
    }
    assertEquals(next, texts.length);
  });

  it("has its own fields, although a format asks the throttle itself meanwhile", async () => {
    const within: Promise<Response>[] = [];
    let text = "a";
    const own: HeaderFormat = {
      fields({ denied }) {
        const mine = text;
        text = "b";
        if (denied && mine === "a") { for (let i = 0; i < 3; i++) within.push(send()); }
        return { "x-own": mine };
      },
    };
    const { send } = throttled("1/min", { headers: [own, retryAfter()] });
    await send();
    for (let i = 0; i < 3; i++) {
      text = "a";
      assertEquals((await send()).headers.get("x-own"), "a");
    }
    const others = await Promise.all(within);
    assertEquals(others.map(({ headers }) => headers.get("x-own")), Array(9).fill("b"));
  });
});

describe("a change of a response's headers", () => {
  it("leaves alone what cannot be copied, such as an upgrade", () => {
    const upgrade = { status: 101, headers: new Headers() } as Response;
    assertStrictEquals(withHeaders(upgrade, (headers) => headers.set("x-own", "1")), upgrade);
    assertEquals([...upgrade.headers], []);
  });

  it("is tried once where it fails by itself", () => {
    let tries = 0;
    const change = () => {
      tries++;
      throw new RangeError("of the user's own");
    };
    assertThrows(() => withHeaders(new Response(), change), RangeError, "of the user's own");
    assertEquals(tries, 1);
  });
});
