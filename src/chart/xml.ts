import { escapeText } from '../base/escape.ts';

/** They have no place in XML, not even as references. */
const noCharacters = /[\ufffe\uffff]/g;

/** Text for XML and HTML, between tags and in attributes; control characters, which have no place there, as the command line shows them. */
export function escapeXml(text: string): string {
  const visible = escapeText(text, { keepNewlines: true }).replace(noCharacters, '\ufffd');
  return visible.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');
}
