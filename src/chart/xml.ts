/** Control characters have no place in XML, not even as references. */
const isInXml = (character: string): boolean => {
  const code = character.charCodeAt(0);
  return (code >= 0x20 || code === 0x09 || code === 0x0a || code === 0x0d) && code < 0xfffe;
};

/** Text for XML and HTML, between tags and in attributes. */
export function escapeXml(text: string): string {
  const visible = Array.from(text, (character) => (isInXml(character) ? character : '\ufffd')).join('');
  return visible.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');
}
