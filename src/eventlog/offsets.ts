/** A half open range for people, who take both ends of "0 to 25" for offsets that are there. */
export function describeOffsets(offsetFrom: number, offsetTo: number): string {
  if (offsetTo <= offsetFrom) return `no record, the next gets offset ${offsetTo}`;
  return offsetTo === offsetFrom + 1 ? `offset ${offsetFrom}` : `offsets ${offsetFrom} to ${offsetTo - 1}`;
}
