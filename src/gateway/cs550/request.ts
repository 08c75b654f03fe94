import { type JsonValue, parseJson } from './python-json.ts';

/** What a client of the old wire wants. Texts are as it sent them. */
export type WireRequest =
  | { readonly action: 'createPublisher'; readonly publisher: string }
  | { readonly action: 'createSubscriber'; readonly subscriber: string }
  | { readonly action: 'createTopic'; readonly topic: string }
  | { readonly action: 'deleteTopic'; readonly topic: string }
  | { readonly action: 'publish'; readonly topic: string; readonly content: JsonValue }
  | { readonly action: 'subscribe'; readonly subscriber: string; readonly topic: string }
  | { readonly action: 'pull'; readonly subscriber: string; readonly topic: string }
  /** The last message, whoever asks. */
  | { readonly action: 'pullLast'; readonly topic: string }
  | { readonly action: 'stopNode'; readonly comesBack: boolean }
  | { readonly action: 'startNode'; readonly node: string };

export const invalidJson = 'Invalid JSON format.';
export const invalidAction = 'Invalid action';

const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** `invalidJson` and `invalidAction` are the answers of that name. */
export function decodeRequest(bytes: Uint8Array): WireRequest | 'invalidJson' | 'invalidAction' {
  const fields = parseJson(decode(bytes) ?? '');
  if (!(fields instanceof Map)) return 'invalidJson';
  return decodeFields(fields as ReadonlyMap<string, JsonValue>) ?? 'invalidAction';
}

function decode(bytes: Uint8Array): string | null {
  try {
    return decoder.decode(bytes);
  } catch {
    return null;
  }
}

/** Null where a field is missing that its action needs, or is no text. */
function decodeFields(fields: ReadonlyMap<string, JsonValue>): WireRequest | null {
  const text = (name: string): string | null => {
    const value = fields.get(name);
    return typeof value === 'string' ? value : null;
  };
  const publisher = text('publisher_id');
  const subscriber = text('subscriber_id');
  const topic = text('topic');
  switch (text('action')) {
    case 'create_publisher':
      return publisher === null ? null : { action: 'createPublisher', publisher };
    case 'create_subscriber':
      return subscriber === null ? null : { action: 'createSubscriber', subscriber };
    case 'create_topic': {
      const name = topic ?? text('topic_name');
      return name === null ? null : { action: 'createTopic', topic: name };
    }
    case 'delete_topic':
      return topic === null ? null : { action: 'deleteTopic', topic };
    case 'publish':
      return publishing(topic, fields);
    case 'subscribe':
    case 'replica_subscribe':
      return subscriber === null || topic === null ? null : { action: 'subscribe', subscriber, topic };
    case 'pull':
      return subscriber === null || topic === null ? null : { action: 'pull', subscriber, topic };
    case 'replica_pull':
      // What an old client asks of a neighbour when a home is down, whatever it had in mind: with content it was a publish. One that was to make or delete
      // the topic cannot be told from the other.
      if (fields.has('content')) return publishing(topic, fields);
      return subscriber === null || topic === null ? null : { action: 'pullLast', topic };
    case 'stop_node': {
      const flag = fields.get('flag');
      return typeof flag === 'boolean' ? { action: 'stopNode', comesBack: flag } : null;
    }
    case 'start_new': {
      const node = text('node_id');
      return node === null ? null : { action: 'startNode', node };
    }
    default:
      return null;
  }
}

function publishing(topic: string | null, fields: ReadonlyMap<string, JsonValue>): WireRequest | null {
  const content = fields.get('content');
  return topic === null || content === undefined ? null : { action: 'publish', topic, content };
}
