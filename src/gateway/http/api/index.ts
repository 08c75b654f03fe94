/**
 * The routes of the HTTP gateway that fastify serves. `front.ts` imports this after its socket listens; requests reach it as they are, already
 * checked for host, origin and token.
 *
 * Bodies are read by the routes themselves (`body.ts`), so that a body that is too large gets an answer and records go from the body into a batch
 * without a stop. Every failure leaves as the JSON of `error-answer.ts`.
 */
import type { RequestListener } from 'node:http';
import swagger from '@fastify/swagger';
import fastify, { type FastifyInstance } from 'fastify';
import type { TSchema } from 'typebox';
import { isTopicName, LogError, shownTopic, topicNameRule } from '../../../eventlog/index.ts';
import { asLogError, commonHeaders, errorBody, errorHeaders, sendError, statusOf } from '../error-answer.ts';
import { addClusterRoutes } from './cluster.ts';
import type { ApiContext } from './context.ts';
import { addGrepRoutes } from './grep.ts';
import { addMetrics } from './metrics.ts';
import { completeDocument } from './openapi.ts';
import { addPageRoute } from './page.ts';
import { addRecordRoutes } from './records/index.ts';
import { addScheduledRoutes } from './scheduled.ts';
import { addSubscriberRoutes } from './subscribers/index.ts';
import { addTopicRoutes } from './topics.ts';
import { addTraceRoutes } from './trace.ts';
import { compileValidator } from './validator.ts';

export type { AgentClocksOf, ApiContext } from './context.ts';

declare module 'fastify' {
  interface FastifyContextConfig {
    /** What the route does, for the sentence of a refusal: "Cannot <verb> topic ...". */
    verb?: string;
  }
}

export async function createApi(context: ApiContext): Promise<RequestListener> {
  const app = fastify({
    logger: false,
    // As long as any request's head, so that a long name is "no such topic" and not "no such route".
    routerOptions: { maxParamLength: 16 * 1024 },
    exposeHeadRoutes: true,
    // What fastify refuses before any of the handlers below, such as a path that cannot be decoded.
    frameworkErrors: (_thrown, request, reply) => {
      const shown = JSON.stringify((request.url.split('?', 1)[0] ?? '').slice(0, 200));
      reply.hijack();
      sendError(reply.raw, new LogError('invalidRequest', `Cannot answer ${request.method} ${shown}: the path is malformed`));
    },
  });
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('*', (_request, _payload, done) => done(null));
  app.setValidatorCompiler(compileValidator as never);
  app.setSerializerCompiler(() => (value) => JSON.stringify(value));
  app.addHook('onRequest', (_request, reply, done) => {
    reply.headers(commonHeaders);
    done();
  });
  // What no topic can be called goes no further, so that nobody behind this has to think of it.
  app.addHook('preValidation', (request, _reply, done) => {
    const { topic } = request.params as { readonly topic?: string };
    if (topic === undefined || isTopicName(topic)) return done();
    const { verb = 'answer for' } = request.routeOptions.config;
    done(new LogError('unknownTopic', `Cannot ${verb} ${shownTopic(topic)}: there is no such topic, ${topicNameRule}`));
  });
  app.setErrorHandler((thrown, request, reply) => {
    const error = toLogError(thrown, request, context);
    return reply.code(statusOf(error)).headers(errorHeaders(error)).type('application/json; charset=utf-8').send(errorBody(error));
  });
  answerUnknownRoutes(app);

  await app.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: { title: 'Cairn', version: context.version, description: 'A distributed event log. See docs/reference/http.md.' },
    },
  });
  addPageRoute(app, context);
  addMetrics(app, context);
  addClusterRoutes(app, context);
  addTraceRoutes(app, context);
  addTopicRoutes(app, context);
  addRecordRoutes(app, context);
  addSubscriberRoutes(app, context);
  addScheduledRoutes(app, context);
  addGrepRoutes(app, context);
  let document: string | null = null;
  app.get('/openapi.json', { schema: { summary: 'This document' } }, (_request, reply) => {
    document ??= JSON.stringify(completeDocument(app.swagger() as never));
    return reply.type('application/json; charset=utf-8').send(document);
  });

  await app.ready();
  return (request, response) => app.routing(request, response);
}

interface FailedRequest {
  readonly method: string;
  readonly url: string;
  readonly params: unknown;
  readonly routeOptions: { readonly config: { readonly verb?: string }; readonly schema?: object };
}

function toLogError(thrown: unknown, request: FailedRequest, context: ApiContext): LogError {
  if (thrown instanceof LogError) return thrown;
  const failure = thrown as { readonly validation?: readonly Problem[]; readonly validationContext?: string; readonly statusCode?: number };
  if (failure.validation !== undefined) return invalid(request, failure.validationContext ?? '', failure.validation);
  if (failure.statusCode !== undefined && failure.statusCode < 500) {
    return new LogError(
      'invalidRequest',
      `Cannot answer ${request.method} ${request.url.split('?', 1)[0] ?? ''}: the request is malformed`,
    );
  }
  const reason = thrown instanceof Error ? (thrown.stack ?? thrown.message) : String(thrown);
  context.logger.log('error', 'requestFailed', { method: request.method, reason });
  return asLogError(thrown);
}

interface Problem {
  readonly keyword?: string;
  readonly instancePath?: string;
  readonly message?: string;
  readonly params?: Readonly<Record<string, unknown>>;
}

/** One sentence about the first thing that a schema does not allow. */
function invalid(request: FailedRequest, part: string, problems: readonly Problem[]): LogError {
  const verb = request.routeOptions.config.verb ?? 'answer';
  const topic = (request.params as { topic?: string } | undefined)?.topic;
  const action = topic === undefined ? `Cannot ${verb}` : `Cannot ${verb} ${shownTopic(topic)}`;
  const kind = part === 'querystring' ? 'parameter' : part === 'headers' ? 'header' : 'field';
  const refuse = (reason: string): LogError => new LogError('invalidRequest', `${action}: ${reason}`);

  const schema = (request.routeOptions.schema as Record<string, Fields | undefined> | undefined)?.[part];
  for (const problem of problems) {
    const name = problem.instancePath?.split('/')[1];
    if (name !== undefined) {
      const properties = (schema?.['properties'] ?? {}) as Record<string, TSchema & { must?: string }>;
      // A name such as "constructor" is none of theirs.
      const property = Object.hasOwn(properties, name) ? properties[name] : undefined;
      if (property === undefined) return refuse(`there is no ${kind} "${name.slice(0, 100)}"`);
      const value = part === 'querystring' ? new URL(request.url, 'http://x').searchParams.get(name) : null;
      const given = value === null ? 'is wrong' : `is ${JSON.stringify(value.slice(0, 100))}`;
      return refuse(
        `the ${kind} "${name}" ${given}, it must be ${property.must ?? problem.message?.replace(/^must be /, '') ?? 'something else'}`,
      );
    }
    const missing = problem.params?.['requiredProperties'];
    if (Array.isArray(missing)) return refuse(`the ${kind} "${String(missing[0])}" is missing`);
    const unknown = problem.params?.['additionalProperties'];
    if (Array.isArray(unknown)) return refuse(`there is no ${kind} "${String(unknown[0]).slice(0, 100)}"`);
  }
  return refuse(
    part === 'body' ? `the body must be ${(schema?.['must'] as string | undefined) ?? 'an object'}` : 'the request is malformed',
  );
}

type Fields = Readonly<Record<string, unknown>>;

/** What the front door answers by itself. */
const frontRoutes: readonly (readonly [string, readonly string[]])[] = [
  ['/', ['PUT']],
  ['/healthz', ['GET', 'HEAD']],
  ['/readyz', ['GET', 'HEAD']],
  ...['/crash', '/recover', '/exit'].map((path) => [path, ['POST']] as const),
];

/** 404 for a path that no route has; for one that another method has 405, or to OPTIONS which methods they are. */
function answerUnknownRoutes(app: FastifyInstance): void {
  const methodsByPattern = new Map<string, string[]>(frontRoutes.map(([path, methods]) => [path, [...methods]]));
  app.addHook('onRoute', ({ url, method }) => {
    const methods = methodsByPattern.get(url) ?? [];
    for (const each of [method].flat()) if (!methods.includes(each)) methods.push(each);
    methodsByPattern.set(url, methods);
  });
  app.setNotFoundHandler((request, reply) => {
    const path = request.url.split('?', 1)[0] ?? '';
    const shown = JSON.stringify(path.slice(0, 200));
    const allowed = path === '*' ? ['GET', 'HEAD', 'POST', 'PUT', 'DELETE'] : methodsOf(path);
    if (allowed === undefined) throw new LogError('unknownRoute', `Cannot answer ${request.method} ${shown}: there is no such route`);
    reply.header('allow', [...allowed, 'OPTIONS'].join(', '));
    if (request.method === 'OPTIONS') return reply.code(204).send();
    throw new LogError('methodNotAllowed', `Cannot answer ${request.method} ${shown}: the route takes ${allowed.join(', ')}`);
  });

  function methodsOf(path: string): readonly string[] | undefined {
    return [...methodsByPattern].find(([pattern]) => new RegExp(`^${pattern.replaceAll(/:\w+/g, '[^/]+')}$`).test(path))?.[1];
  }
}
