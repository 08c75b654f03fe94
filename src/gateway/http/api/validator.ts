/**
 * Parameters and headers are text. Each becomes what its schema says only where it is written as that: the usual coercion takes "true", "1.5" and nothing
 * at all for the number that is near, and a caller who compares before he appends would be told of a success that he did not ask for.
 */
import { TypeBoxValidatorCompiler } from '@fastify/type-provider-typebox';

interface PartSchema {
  readonly properties?: Readonly<Record<string, { readonly type?: string }>>;
}

type Check = (value: unknown) => unknown;

/** For `setValidatorCompiler`. A schema is compiled when the first request needs it: those of all routes are a tenth of what the start of a broker costs. */
export function compileValidator(route: { readonly schema: unknown; readonly httpPart?: string | undefined }): Check {
  let compiled: Check | null = null;
  const check: Check = (value) => {
    compiled ??= TypeBoxValidatorCompiler({ ...route, httpPart: 'body' } as never) as unknown as Check;
    return compiled(value);
  };
  if (route.httpPart === 'body') return check;
  const { properties = {} } = route.schema as PartSchema;
  return (value) => {
    const converted: Record<string, unknown> = { ...(value as Record<string, unknown>) };
    for (const [name, { type }] of Object.entries(properties)) {
      if (name in converted) converted[name] = convert(type, converted[name]);
    }
    return check(converted);
  };
}

function convert(type: string | undefined, text: unknown): unknown {
  if (typeof text !== 'string') return text;
  if (type === 'integer' && /^(?:-(?=0*[1-9]))?[0-9]{1,16}$/.test(text)) return Number(text);
  if (type === 'boolean' && (text === 'true' || text === 'false')) return text === 'true';
  return text;
}
