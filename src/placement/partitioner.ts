/**
 * From a record's key to its partition, exactly as Kafka's default partitioner: toPositive(murmur2(key)) mod partitions. A key written here and by a Kafka
 * client is in the same partition of topics with as many.
 */
export const partitionOfKey = (key: Uint8Array, partitions: number): number => (murmur2(key) & 0x7fff_ffff) % partitions;

const multiplier = 0x5bd1_e995;
const seed = 0x9747_b28c;

/** MurmurHash2 of Austin Appleby (32 bits, little endian) with Kafka's seed, as a signed number, which is what Java has. */
export function murmur2(bytes: Uint8Array): number {
  const at = (index: number): number => bytes[index] as number;
  let hash = seed ^ bytes.length;
  const whole = bytes.length & ~3;
  for (let i = 0; i < whole; i += 4) {
    const word = at(i) | (at(i + 1) << 8) | (at(i + 2) << 16) | (at(i + 3) << 24);
    const mixed = Math.imul(word, multiplier);
    hash = Math.imul(hash, multiplier) ^ Math.imul(mixed ^ (mixed >>> 24), multiplier);
  }
  const rest = bytes.length - whole;
  if (rest > 0) {
    for (let i = rest - 1; i >= 0; i--) hash ^= at(whole + i) << (8 * i);
    hash = Math.imul(hash, multiplier);
  }
  hash = Math.imul(hash ^ (hash >>> 13), multiplier);
  return hash ^ (hash >>> 15);
}
