const UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB'] as const;

/** In the units of `cairn status`: 203 KiB. */
export function formatBytes(bytes: number): string {
  let value = bytes;
  let unit = 0;
  while (value >= 1024 && unit < UNITS.length - 1) {
    value /= 1024;
    unit++;
  }
  return `${value >= 100 || unit === 0 ? value.toFixed(0) : value.toFixed(1)} ${UNITS[unit] ?? 'B'}`;
}

export function formatCount(count: number): string {
  return count.toLocaleString('en-US');
}

export function formatRate(perSecond: number): string {
  if (perSecond >= 10_000) return `${(perSecond / 1000).toFixed(perSecond >= 100_000 ? 0 : 1)}k`;
  return perSecond >= 10 || Number.isInteger(perSecond) ? perSecond.toFixed(0) : perSecond.toFixed(1);
}

export function formatMs(ms: number): string {
  if (ms >= 10_000) return `${(ms / 1000).toFixed(0)} s`;
  if (ms >= 1000) return `${(ms / 1000).toFixed(1)} s`;
  return ms >= 10 || ms === 0 ? `${ms.toFixed(0)} ms` : `${ms.toFixed(1)} ms`;
}

/** For programs; empty for what is no time, since a record may hold any number. */
export function formatIsoTime(ms: number): string {
  const date = new Date(ms);
  return Number.isNaN(date.getTime()) ? '' : date.toISOString();
}

const two = (value: number): string => String(value).padStart(2, '0');

/** 14:03:59.123 in the reader's own time; a question mark for a time that no clock shows. */
export function formatTime(ms: number): string {
  const date = new Date(ms);
  if (Number.isNaN(date.getTime())) return '?';
  return `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}.${String(date.getMilliseconds()).padStart(3, '0')}`;
}

/** 2026-12-01 14:03:59.123 +01:00, in the reader's own time; empty for what is no time. */
export function formatDateTime(ms: number): string {
  const date = new Date(ms);
  if (Number.isNaN(date.getTime())) return '';
  return `${formatDay(date)} ${formatTime(ms)} ${formatZoneOffset(date)}`;
}

/** The time of day, and the day before it where that is not today. */
export function formatRowTime(ms: number): string {
  const date = new Date(ms);
  const day = Number.isNaN(date.getTime()) ? '' : formatDay(date);
  return day === '' || day === formatDay(new Date()) ? formatTime(ms) : `${day} ${formatTime(ms)}`;
}

const formatDay = (date: Date): string =>
  `${String(date.getFullYear()).padStart(4, '0')}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;

function formatZoneOffset(date: Date): string {
  const minutes = -date.getTimezoneOffset();
  const size = Math.abs(minutes);
  return `${minutes < 0 ? '−' : '+'}${two(Math.floor(size / 60))}:${two(size % 60)}`;
}

/** Europe/Oslo (+01:00) */
export function formatZone(): string {
  return `${new Intl.DateTimeFormat().resolvedOptions().timeZone} (${formatZoneOffset(new Date())})`;
}

export function formatDuration(ms: number): string {
  const seconds = Math.floor(ms / 1000);
  if (seconds < 60) return `${seconds} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min`;
  if (seconds < 86_400) return `${Math.floor(seconds / 3600)} h ${Math.floor((seconds % 3600) / 60)} min`;
  return `${Math.floor(seconds / 86_400)} d ${Math.floor((seconds % 86_400) / 3600)} h`;
}

/** How far a clock is ahead, or behind: 12.34 -> "+12.3 ms", -1840 -> "−1.8 s". */
export function formatOffset(ms: number): string {
  const size = Math.abs(ms);
  const text = size < 1000 ? `${size.toFixed(1)} ms` : `${(size / 1000).toFixed(1)} s`;
  return `${ms < 0 ? '−' : '+'}${text}`;
}

/** What a field for a local time holds, as ms since 1970; null where it holds none. */
export function parseLocalTime(text: string): number | null {
  const ms = new Date(text).getTime();
  return text === '' || Number.isNaN(ms) ? null : ms;
}
