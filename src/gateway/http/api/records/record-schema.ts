import Type from 'typebox';
import { nullable, offset } from '../schema-parts.ts';

const headerValue = Type.Union([Type.String(), Type.Null(), Type.Object({ base64: Type.String() })]);
const recordFields = {
  key: Type.Optional(nullable(Type.String())),
  keyBase64: Type.Optional(Type.String({ description: 'in place of key' })),
  value: Type.Optional(nullable(Type.String())),
  valueBase64: Type.Optional(Type.String({ description: 'in place of value' })),
  headers: Type.Optional(Type.Record(Type.String(), headerValue)),
  timestamp: Type.Optional(Type.Integer({ minimum: 0, description: 'milliseconds since 1970; the time of arrival if left out' })),
};
/** When the leader took it, asked for with `logTime`. */
const logTime = Type.Optional(Type.Integer({ minimum: 0, description: 'where it was asked for: when the leader took it, ms since 1970' }));
export const RecordInput = Type.Object(recordFields);
export const RecordOutput = Type.Object({ offset, ...recordFields, logTime });
/** Of a topic of several partitions. */
export const MergedRecordOutput = Type.Object({ partition: Type.Integer(), offset, ...recordFields, logTime });
export const RecordsBody = Type.Union([RecordInput, Type.Array(RecordInput), Type.Object({ records: Type.Array(RecordInput) })]);
