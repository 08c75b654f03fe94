import { expect, test } from 'vitest';
import { peersFrom } from '../../../src/daemon/address.ts';

const listed = (...hosts: readonly string[]): { readonly host: string; readonly port: number }[] =>
  hosts.map((host, index) => ({ host, port: 8000 + index }));
const addresses = ['127.0.0.1', '127.0.0.9', '::1', '::ffff:127.0.0.1', '10.0.0.2', '::ffff:10.0.0.2', 'fe80::1', '1.127.0.0', ''];
const loopback = ['127.0.0.1', '127.0.0.9', '::1', '::ffff:127.0.0.1'];

test.each([
  ['on loopback without a secret', listed('127.0.0.1', 'localhost', '::1'), false, loopback],
  ['on loopback with a secret', listed('127.0.0.1', '127.0.0.1'), true, addresses],
  ['also elsewhere without a secret', listed('127.0.0.1', '10.0.0.2'), false, addresses],
  ['also under a name that may lead anywhere', listed('127.0.0.1', 'broker-2'), false, addresses],
])('brokers that are listed %s take peers from there', (_how, brokers, haveSecret, taken) => {
  expect(addresses.filter(peersFrom(brokers, haveSecret))).toEqual(taken);
});
