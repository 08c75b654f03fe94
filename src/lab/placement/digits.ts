/** As many digits as a report needs. */
export const digits = (value: number, count = 2): number => Number(value.toFixed(count));
export const percent = (part: number): number => digits(part * 100);
