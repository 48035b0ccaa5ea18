import { appOf } from "../app.ts";

export default appOf({ platform: "vercel" });
