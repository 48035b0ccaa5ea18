import { reporter } from "../path_report.ts";

// Made at the first request: some routers ask for random numbers, which workerd has none of before.
let report: ReturnType<typeof reporter> | undefined;

export default { fetch: (request: Request) => (report ??= reporter())(request) };
