/** A package, from bench/node_modules or the root's. Named at run time alone: nothing else is to need the peers. */
export const peer = (name) => import(name);
