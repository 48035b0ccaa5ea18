/**
 * The slots of Redis Cluster: which keys live on one node.
 *
 * @module
 */

const SLOTS = 16_384;

/** CRC16-XMODEM, bit by bit: polynomial 0x1021, from 0, nothing reflected. */
function crc16(bytes: Uint8Array): number {
  let crc = 0;
  for (const byte of bytes) {
    crc ^= byte << 8;
    for (let bit = 0; bit < 8; bit++) crc = (crc & 0x8000) !== 0 ? (crc << 1) ^ 0x1021 : crc << 1;
    crc &= 0xffff;
  }
  return crc;
}

/**
 * The slot of a key (Redis Cluster specification, "Key distribution model" and "Hash tags").
 *
 * @param key The whole key. Where it has text between its first `{` and the next `}`, that alone is hashed.
 * @returns 0 to 16383.
 */
export function slotOf(key: string): number {
  const open = key.indexOf("{");
  const close = open < 0 ? -1 : key.indexOf("}", open + 1);
  const hashed = close > open + 1 ? key.slice(open + 1, close) : key;
  return crc16(new TextEncoder().encode(hashed)) % SLOTS;
}
