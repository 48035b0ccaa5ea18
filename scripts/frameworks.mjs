/**
 * The smallest app of each framework that is not installed here, around an example: how it is built and started, and
 * which versions it is tried with. The file under an example's name in `files` is that example.
 *
 * - `login` is a request with a wrong password, as a form or a client sends it.
 * - `also` is another path to the login, which counts as a login.
 * - `page` is the path of a page that asks its own app for another one, and counts as one request.
 * - `shown` is the limit in the headers of a refused login, by default the login's own.
 * - `address` names the source of the client's address: the socket, or a header of a proxy.
 */

const NODE = "22.23.3"; // the newest versions need more than Node 20

const NEXT = {
  packages: {
    next: "16.4.6",
    react: "19.3.1",
    "react-dom": "19.3.1",
    // `next build` checks the example's types.
    typescript: "^5.9",
    "@types/react": "^19",
    "@types/node": "^22",
    node: NODE,
  },
  address: "x-forwarded-for",
  build: ["next", "build"],
  start: ["next", "start", "--hostname", "127.0.0.1", "--port", "0"],
  files: {
    "app/layout.jsx": "export default ({ children }) => <html><body>{children}</body></html>;\n",
    "app/page.jsx": "export default () => <p>hello</p>;\n",
  },
};

export const frameworks = {
  next_proxy: { ...NEXT, example: "proxy.ts" },
  next_route: {
    ...NEXT,
    example: "app/login/route.ts",
    files: { ...NEXT.files, "proxy.ts": "example: next_proxy" },
    login: { method: "POST", path: "/login", body: { password: "guess" } },
    shown: "20", // Next replaces the route's headers by the proxy's
  },

  sveltekit_hooks: {
    packages: {
      "@sveltejs/kit": "3.2.0",
      "@sveltejs/adapter-node": "6.0.1",
      "@sveltejs/vite-plugin-svelte": "^7",
      svelte: "^5.57.1",
      vite: "^8.0.12",
      typescript: "^6",
      node: NODE,
    },
    example: "src/hooks.server.ts",
    address: "socket",
    build: ["vite", "build"],
    start: ["node", "build/index.js"],
    login: { method: "POST", path: "/login", body: {} },
    files: {
      "vite.config.js": `import adapter from "@sveltejs/adapter-node";
import { sveltekit } from "@sveltejs/kit/vite";
export default { plugins: [sveltekit({ adapter: adapter() })] };
`,
      "src/app.html": "<html><head>%sveltekit.head%</head><body>%sveltekit.body%</body></html>\n",
      "src/routes/+page.svelte": "<p>hello</p>\n",
      "src/routes/about/+page.js": "export const prerender = true;\n",
      "src/routes/about/+page.svelte": "<p>prerendered</p>\n",
      "src/routes/login/+server.js":
        'export const POST = () => new Response("wrong password\\n", { status: 401 });\n',
      "src/routes/items/+server.js": "export const GET = () => Response.json([]);\n",
      "src/routes/list/+page.server.js":
        'export const load = async ({ fetch }) => ({ items: await (await fetch("/items")).json() });\n',
      "src/routes/list/+page.svelte": "<p>list</p>\n",
    },
    page: "/list",
  },

  astro_middleware: {
    packages: { astro: "7.3.5", "@astrojs/node": "11.1.6", node: NODE },
    example: "src/middleware.ts",
    address: "socket",
    build: ["astro", "build"],
    start: ["node", "dist/server/entry.mjs"],
    login: { method: "POST", path: "/login", body: {} },
    files: {
      "astro.config.mjs": `import node from "@astrojs/node";
export default { output: "server", adapter: node({ mode: "standalone" }), security: { checkOrigin: false } };
`,
      "src/pages/index.astro": "<p>hello</p>\n",
      "src/pages/about.astro": "---\nexport const prerender = true;\n---\n<p>prerendered</p>\n",
      "src/pages/login.ts": 'export const POST = () => new Response("wrong password\\n", { status: 401 });\n',
      "src/pages/list.astro": '---\nreturn Astro.rewrite("/");\n---\n',
    },
    page: "/list",
  },

  react_router: {
    packages: {
      "react-router": "8.4.0",
      "@react-router/dev": "8.4.0",
      "@react-router/node": "8.4.0",
      react: "19.3.1",
      "react-dom": "19.3.1",
      isbot: "^5",
      vite: "^8",
      srvx: "1.0.8",
      esbuild: "0.28.2",
      node: NODE,
    },
    example: "server.ts",
    address: "socket",
    build: ["react-router", "build"],
    // Node 22 reads TypeScript.
    start: ["node", "server.ts"],
    also: { path: "/login.data" },
    login: { method: "POST", path: "/login", body: {} },
    files: {
      "vite.config.js": `import { reactRouter } from "@react-router/dev/vite";
export default { plugins: [reactRouter()] };
`,
      "app/root.jsx": `import { Outlet } from "react-router";
export default () => <html><body><Outlet /></body></html>;
`,
      "app/routes.js": `import { index, route } from "@react-router/dev/routes";
export default [index("home.jsx"), route("login", "login.jsx")];
`,
      "app/home.jsx": "export default () => <p>hello</p>;\n",
      "app/login.jsx": 'export const action = () => new Response("wrong password\\n", { status: 401 });\n',
    },
  },

  tanstack_start: {
    packages: {
      "@tanstack/react-start": "1.169.5",
      "@tanstack/react-router": "^1.169.0",
      "@vitejs/plugin-react": "^6",
      react: "19.3.1",
      "react-dom": "19.3.1",
      vite: "^8",
      srvx: "1.0.8",
      node: NODE,
    },
    example: "src/server.ts",
    address: "socket",
    build: ["vite", "build"],
    start: [
      "srvx",
      "serve",
      "--prod",
      "--entry",
      "dist/server/server.js",
      "--host",
      "127.0.0.1",
      "--port",
      "0",
    ],
    login: { method: "POST", path: "/login", body: {} },
    files: {
      "vite.config.js": `import { tanstackStart } from "@tanstack/react-start/plugin/vite";
import react from "@vitejs/plugin-react";
export default { plugins: [tanstackStart(), react()] };
`,
      "src/router.jsx": `import { createRouter } from "@tanstack/react-router";
import { routeTree } from "./routeTree.gen";
export const getRouter = () => createRouter({ routeTree });
`,
      "src/routes/__root.jsx":
        `import { createRootRoute, HeadContent, Outlet, Scripts } from "@tanstack/react-router";
export const Route = createRootRoute({
  component: () => <html><head><HeadContent /></head><body><Outlet /><Scripts /></body></html>,
});
`,
      "src/routes/index.jsx": `import { createFileRoute } from "@tanstack/react-router";
export const Route = createFileRoute("/")({ component: () => <p>hello</p> });
`,
      "src/routes/login.jsx": `import { createFileRoute } from "@tanstack/react-router";
export const Route = createFileRoute("/login")({
  server: { handlers: { POST: () => new Response("wrong password\\n", { status: 401 }) } },
});
`,
    },
  },
};
