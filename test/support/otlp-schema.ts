/**
 * What the published schema of OTLP (opentelemetry-proto v1.11.0) says of a request that exports traces, in JSON: fields in lowerCamelCase, ids in hex, integers
 * of 64 bits as text, enums as numbers.
 */

interface Field {
  readonly type: string;
  readonly isRepeated: boolean;
  readonly oneOf: string | null;
}

/** Each field with its type, `[]` behind that of a repeated one; `|` in front where only one of those may be there. */
const described: Readonly<Record<string, string>> = {
  ExportTraceServiceRequest: 'resourceSpans: ResourceSpans[]',
  ResourceSpans: 'resource: Resource, scopeSpans: ScopeSpans[], schemaUrl: string',
  Resource: 'attributes: KeyValue[], droppedAttributesCount: uint32',
  ScopeSpans: 'scope: InstrumentationScope, spans: Span[], schemaUrl: string',
  InstrumentationScope: 'name: string, version: string, attributes: KeyValue[], droppedAttributesCount: uint32',
  Span:
    'traceId: bytes, spanId: bytes, traceState: string, parentSpanId: bytes, flags: fixed32, name: string, kind: SpanKind, startTimeUnixNano: fixed64, ' +
    'endTimeUnixNano: fixed64, attributes: KeyValue[], droppedAttributesCount: uint32, events: Event[], droppedEventsCount: uint32, links: Link[], ' +
    'droppedLinksCount: uint32, status: Status',
  Event: 'timeUnixNano: fixed64, name: string, attributes: KeyValue[], droppedAttributesCount: uint32',
  Link: 'traceId: bytes, spanId: bytes, traceState: string, attributes: KeyValue[], droppedAttributesCount: uint32, flags: fixed32',
  Status: 'message: string, code: StatusCode',
  KeyValue: 'key: string, value: AnyValue',
  AnyValue:
    '|stringValue: string, |boolValue: bool, |intValue: int64, |doubleValue: double, |arrayValue: ArrayValue, |kvlistValue: KeyValueList, |bytesValue: base64',
  ArrayValue: 'values: AnyValue[]',
  KeyValueList: 'values: KeyValue[]',
};

/** Unset, ok, error; unspecified, internal, server, client, producer, consumer. */
const enums: ReadonlyMap<string, number> = new Map([
  ['StatusCode', 3],
  ['SpanKind', 6],
]);

const messages: ReadonlyMap<string, ReadonlyMap<string, Field>> = new Map(
  Object.entries(described).map(([message, fields]) => [message, new Map(fields.split(', ').map(fieldOf))]),
);

function fieldOf(text: string): readonly [string, Field] {
  const [name = '', type = ''] = text.split(': ');
  const isOneOf = name.startsWith('|');
  const isRepeated = type.endsWith('[]');
  return [name.slice(isOneOf ? 1 : 0), { type: isRepeated ? type.slice(0, -2) : type, isRepeated, oneOf: isOneOf ? 'the values' : null }];
}

/** What is wrong with it as such a message, each with its place; empty where nothing is. */
export function problemsOf(value: unknown, message: string, at = message): string[] {
  const fields = messages.get(message);
  if (fields === undefined) return [`${at}: there is no message ${message}`];
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return [`${at}: it is no object`];
  const problems: string[] = [];
  const chosen = new Set<string>();
  for (const [name, own] of Object.entries(value)) {
    const field = fields.get(name);
    const place = `${at}.${name}`;
    if (field === undefined) {
      problems.push(`${place}: there is no such field`);
      continue;
    }
    if (field.oneOf !== null && chosen.has(field.oneOf)) problems.push(`${place}: only one of ${field.oneOf} may be there`);
    if (field.oneOf !== null) chosen.add(field.oneOf);
    if (!field.isRepeated) problems.push(...problemsOfOne(own, name, field, place));
    else if (!Array.isArray(own)) problems.push(`${place}: it is no list`);
    else for (const [index, each] of own.entries()) problems.push(...problemsOfOne(each, name, field, `${place}[${index}]`));
  }
  return problems;
}

const hexLengths: Readonly<Record<string, number>> = { traceId: 32, spanId: 16, parentSpanId: 16 };

function problemsOfOne(value: unknown, name: string, { type }: Field, at: string): string[] {
  const unless = (isRight: boolean): string[] => (isRight ? [] : [`${at}: ${JSON.stringify(value)} is no ${type}`]);
  if (messages.has(type)) return problemsOf(value, type, at);
  const count = enums.get(type);
  if (count !== undefined) return unless(typeof value === 'number' && Number.isInteger(value) && value >= 0 && value < count);
  switch (type) {
    case 'string':
      return unless(typeof value === 'string');
    case 'bool':
      return unless(typeof value === 'boolean');
    case 'double':
      return unless(typeof value === 'number');
    case 'bytes': {
      const length = hexLengths[name];
      return unless(typeof value === 'string' && length !== undefined && new RegExp(`^[0-9a-f]{${length}}$`).test(value));
    }
    case 'base64':
      return unless(typeof value === 'string' && Buffer.from(value, 'base64').toString('base64') === value);
    case 'int64':
    case 'uint64':
    case 'fixed64':
      return unless(typeof value === 'string' && /^-?\d+$/.test(value));
    case 'int32':
    case 'uint32':
    case 'fixed32':
      return unless(typeof value === 'number' && Number.isInteger(value));
    default:
      return [`${at}: ${type} is not known here`];
  }
}
