/**
 * The old wire of contract 3 <-> `EventLog` and its subscriptions: what the clients of the CS550 project speak. One TCP connection for each request, which is
 * one JSON object and ends where that ends; the answer is a text or a JSON list, and the connection is closed behind it. docs/cs550.md has the requests.
 *
 * `WireGateway` has the port, and what `stop_node` and `start_new` do to it; a `Connection` finds the request (`scanner.ts`, `request.ts`), `Actions` does it over the
 * port, and `answers.ts` has the words. Names of any kind become names of topics in `names.ts`, what is published becomes records in `messages.ts`, and
 * `python-json.ts` writes JSON as the clients expect it. It keeps nothing: any peer answers for all, and what is to be remembered the brokers remember.
 */
export { type WireGatewayOptions, WireGateway } from './gateway.ts';
export { Peers } from './peers.ts';
export { defaultWireSettings, type WireSettings } from './settings.ts';
