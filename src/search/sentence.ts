/** What a search program says on stderr first that is no warning, without the name of the program; null where it says nothing. */
export function sentenceOf(said: string): string | null {
  const lines = said.split('\n', 20).map((line) => line.replace(/^[^:]*(grep|rg|ripgrep): /, '').trim());
  const sentence = lines.find((line) => line !== '' && !line.startsWith('warning: '));
  return sentence === undefined ? null : sentence.slice(0, 300);
}
