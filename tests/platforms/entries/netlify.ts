import { appOf } from "../app.ts";

export default appOf({ platform: "netlify" });

export const config = { path: "/*" };
