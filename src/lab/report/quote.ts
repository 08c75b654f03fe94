/** Figures as prose quotes them. */

export const missing = '(not measured in this report)';

/** Three digits that count; whole numbers with their thousands apart. */
export function digits(value: number): string {
  if (!Number.isFinite(value)) return missing;
  if (Math.abs(value) >= 100) return String(Math.round(value)).replace(/\B(?=(\d{3})+(?!\d))/g, ',');
  return String(Number(value.toPrecision(3)));
}

export const shown = (value: number | null): string => (value === null ? missing : digits(value));
