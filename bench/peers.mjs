/**
 * Loads a package from bench/node_modules or the root's. The import is dynamic, so that only the benchmark
 * needs the peers.
 */
export const peer = (name) => import(name);
