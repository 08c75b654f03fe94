/** How wide text is, so that nothing is drawn over it or cut: the advance widths of DejaVu Sans, which is wider than what else may stand in for it. */

/** From the space to the tilde, in thousandths of the font's size. */
const advances =
  '318 401 460 838 636 950 780 275 390 390 500 838 318 361 318 337 636 636 636 636 636 636 636 636 636 636 337 337 838 838 838 531 1000 684 686 698 770 632 575 775 752 295 295 656 557 863 748 787 603 787 695 635 611 732 684 989 685 611 685 390 337 390 838 500 500 613 635 550 635 615 352 635 634 278 278 579 278 974 634 612 635 635 411 521 392 634 592 818 592 592 525 636 337 636 838'
    .split(' ')
    .map(Number);
/** Of what is not in the list: as wide as the widest usual letters. */
const advanceElse = 1000;
const boldFactor = 1.16;

export const fontFamily = 'DejaVu Sans, Verdana, Arial, sans-serif';
export const fontSize = 15;

/** In pixels. */
export function textWidth(text: string, size = fontSize, isBold = false): number {
  let sum = 0;
  for (const character of text) sum += advances[(character.codePointAt(0) as number) - 0x20] ?? advanceElse;
  return (sum / 1000) * size * (isBold ? boldFactor : 1);
}

/** As much of it as there is room for, with an ellipsis where that is not all. */
export function shorten(text: string, widthMax: number, size = fontSize, isBold = false): string {
  if (textWidth(text, size, isBold) <= widthMax) return text;
  const characters = Array.from(text);
  while (characters.length > 0 && textWidth(`${characters.join('')}…`, size, isBold) > widthMax) characters.pop();
  return `${characters.join('').trimEnd()}…`;
}

/** In lines that have room, broken between words; a word without room is shortened. */
export function inLines(text: string, widthMax: number, size = fontSize): readonly string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(/\s+/).filter((each) => each !== '')) {
    const longer = line === '' ? word : `${line} ${word}`;
    if (textWidth(longer, size) <= widthMax || line === '') line = longer;
    else {
      lines.push(line);
      line = word;
    }
  }
  if (line !== '') lines.push(line);
  return lines.map((each) => shorten(each, widthMax, size));
}
