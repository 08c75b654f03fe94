// A real cluster with something to look at: for pictures of the page, and for what must hold of all its views.

const ITEMS = ['boots', 'skis', 'a tent', 'wool socks', 'a map', 'rope'];
const WHO = ['anna', 'bjarne', 'carla', 'dag'];

/** Two topics: `orders` with JSON, keys and headers, and `clicks` of four partitions; and some lines in `log`. */
export async function fillCluster(url: string): Promise<void> {
  await post(`${url}/v1/topics`, { name: 'orders', retentionMs: 30 * 86_400_000 });
  await post(`${url}/v1/topics`, { name: 'clicks', partitions: 4, retentionBytes: 64 * 2 ** 20 });
  const orders = Array.from({ length: 60 }, (_, id) => ({
    key: WHO[id % WHO.length],
    value: JSON.stringify({ id, item: ITEMS[id % ITEMS.length], price: 100 + ((id * 37) % 400), paid: id % 3 !== 0 }),
    headers: { shop: 'Tromsø', trace: `00-${String(id).padStart(4, '0')}` },
  }));
  // Some alone and some together, so that batches differ.
  for (const order of orders.slice(0, 5)) await post(`${url}/v1/topics/orders/records`, order);
  await post(`${url}/v1/topics/orders/records`, orders.slice(5));
  const lines = ITEMS.map((item, index) => ({ value: `level=info shelf=${index + 1} filled with ${item}` }));
  await post(`${url}/v1/topics/log/records`, lines);
  const clicks = Array.from({ length: 200 }, (_, index) => ({ key: `session-${index % 23}`, value: `GET /item/${index % 17} 200` }));
  await post(`${url}/v1/topics/clicks/records`, clicks);
}

async function post(url: string, body: object): Promise<void> {
  const response = await fetch(url, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) });
  if (!response.ok) throw new Error(`${url} answered ${response.status}: ${await response.text()}`);
}
