/** What is subscribed to with a `*` in it is a pattern: `*` stands for any characters, none too. No name of a topic has one. */
export const isPattern = (topic: string): boolean => topic.includes('*');

/** Whether a topic's name is one that the pattern means; in time of the name's length, but for what stands again behind a `*`. */
export function matches(pattern: string, name: string): boolean {
  const parts = pattern.split('*');
  const first = parts[0] as string;
  const last = parts[parts.length - 1] as string;
  if (parts.length === 1) return pattern === name;
  if (name.length < first.length + last.length || !name.startsWith(first) || !name.endsWith(last)) return false;
  let at = first.length;
  const end = name.length - last.length;
  for (const part of parts.slice(1, -1)) {
    const found = name.indexOf(part, at);
    if (found < 0 || found + part.length > end) return false;
    at = found + part.length;
  }
  return true;
}
