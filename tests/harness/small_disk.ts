import { assertEquals } from "@std/assert";
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmdirSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/**
 * Mounts a small file system on a folder: only root may, on Linux.
 *
 * @param size "16m": 16 MB.
 * @param uid The user that owns it. Default: root.
 * @returns Whether it is there.
 */
export function mountSmallDisk(path: string, size: string, uid = 0): boolean {
  return spawnSync("mount", ["-t", "tmpfs", "-o", `size=${size},uid=${uid}`, "tmpfs", path]).status === 0;
}

export function unmountSmallDisk(path: string): void {
  assertEquals(spawnSync("umount", ["-l", path]).status, 0);
}

/** May this process mount one? */
export function mayMountSmallDisk(): boolean {
  const path = mkdtempSync(join(tmpdir(), "weir-small-"));
  const may = mountSmallDisk(path, "1m");
  if (may) unmountSmallDisk(path);
  rmdirSync(path);
  return may;
}
