/**
 * The parts of frameworks that the examples use and that are not installed here. `npm run test:frameworks`
 * has the real ones.
 */

declare module "next/server" {
  export const NextResponse: { next(): Response };
}

declare module "$app/environment" {
  export const building: boolean;
}

declare module "@sveltejs/kit" {
  interface RequestEvent {
    readonly request: Request;
    getClientAddress(): string;
    isSubRequest: boolean;
  }
  export type Handle = (input: {
    event: RequestEvent;
    resolve(event: RequestEvent): Response | Promise<Response>;
  }) => Response | Promise<Response>;
}

declare module "astro" {
  interface APIContext {
    readonly request: Request;
    readonly isPrerendered: boolean;
    readonly clientAddress: string;
    readonly locals: object;
  }
  export type MiddlewareHandler = (
    context: APIContext,
    next: () => Promise<Response>,
  ) => Response | Promise<Response>;
}

declare module "@tanstack/react-start/server-entry" {
  export interface ServerEntry {
    fetch(request: Request): Response | Promise<Response>;
  }
  export function createServerEntry(entry: ServerEntry): ServerEntry;
  const handler: ServerEntry;
  export default handler;
}

declare module "*/build/server/index.js" {
  const build: import("react-router").ServerBuild;
  export = build;
}
