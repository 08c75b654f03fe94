/**
 * TCP lines <-> `EventLog` (contract 1). The same code runs in a logger that stands alone (`cairn logger`, `daemon/logger.ts`) and inside a broker
 * (`lines:` in its configuration).
 *
 * `LineGateway` takes connections; a `Connection` reads a name, then lines, which `ingest/` finds; each line goes to a `LineSink` (what a logger
 * prints and measures) and to `ingest/`'s `TopicStore` (what is stored), where there is one. Agents with a spool are acknowledged what is stored
 * (docs/decisions/0008), with stamps both ways (0020). What is left out: the timeline, which is `timeline/`, and everything that an agent does, which is `agent/`.
 */
export { type Diagnostics, LimitedDiagnostics } from './diagnostics.ts';
export { type AgentClocks, LineGateway } from './gateway.ts';
export { defaultLineSettings, type LineSettings } from './settings.ts';
export type { LineSink, LineSource } from './line-sink.ts';
export { Printer } from './printer.ts';
