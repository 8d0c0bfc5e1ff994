// Telnyx's own npm client against the door. npm_test.go starts the door, gives this file
// its address and keys in the environment, and demands that every step says "ok".
"use strict";
const assert = require("assert");
const Telnyx = require("telnyx").default;
const { BASE, LIMITED, CUT, CONTROL, ADMIN, MEMBER, GLOBEX, INITECH, PUBLIC_KEY, WEBHOOK } = process.env;
const client = (apiKey, baseURL = BASE, more = {}) => new Telnyx({ apiKey, baseURL, ...more });
const admin = client(ADMIN), member = client(MEMBER), globex = client(GLOBEX);
const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;
const numbers = (...list) => list.map((phone_number) => ({ phone_number }));
const control = async (what) => (await fetch(CONTROL + "/" + what)).text();

async function step(name, fn) {
  await fn();
  console.log("ok " + name);
}

// refused demands the client's own type of exception, and the code in it.
async function refused(type, code, promise) {
  try {
    await promise;
  } catch (err) {
    assert.ok(err instanceof type, `${err.constructor.name}: ${err.message}`);
    if (code) assert.strictEqual(err.error.errors[0].code, code);
    return err;
  }
  assert.fail("not refused");
}

async function all(list) {
  const out = [];
  for await (const item of list) out.push(item);
  return out;
}

async function main() {
  let first;
  await step("create one", async () => {
    first = (await admin.numberReservations.create({ phone_numbers: numbers("+19195552000"), customer_reference: "MY REF 001" })).data;
    assert.match(first.id, uuid);
    assert.strictEqual(first.record_type, "number_reservation");
    assert.strictEqual(first.status, "success");
    assert.strictEqual(first.customer_reference, "MY REF 001");
    assert.strictEqual(first.phone_numbers[0].errors, "");
    assert.strictEqual(new Date(first.phone_numbers[0].expired_at) - new Date(first.created_at), 4 * 3600e3);
  });
  await step("create several", async () => {
    const r = (await member.numberReservations.create({ phone_numbers: numbers("+19195552002", "+19195552001") })).data;
    assert.deepStrictEqual(r.phone_numbers.map((n) => n.phone_number), ["+19195552002", "+19195552001"]);
  });
  await step("create a part", async () => {
    const r = (await admin.numberReservations.create({ phone_numbers: numbers("+19195552000", "+19195552003") })).data;
    assert.strictEqual(r.status, "partial_success");
    assert.deepStrictEqual(r.phone_numbers.map((n) => n.status), ["failure", "success"]);
    assert.match(r.phone_numbers[0].errors, /^Number is already on hold/);
  });
  await step("create none", async () => {
    const err = await refused(Telnyx.ConflictError, "85006", admin.numberReservations.create({ phone_numbers: numbers("+19195552000", "+19195552001") }));
    assert.strictEqual(err.error.errors.length, 2);
    assert.strictEqual(err.error.errors[1].source.pointer, "/phone_numbers/1/phone_number");
    assert.ok(err.error.errors[0].detail.includes(first.id));
    assert.strictEqual(err.headers.get("x-should-retry"), "false");
  });
  await step("the same again", async () => {
    const again = (await admin.numberReservations.create({ phone_numbers: numbers("+19195552000"), customer_reference: "MY REF 001" })).data;
    assert.strictEqual(again.id, first.id);
    const key = { idempotencyKey: "one" };
    const a = await admin.numberReservations.create({ phone_numbers: numbers("+19195552009") }, key);
    const b = await admin.numberReservations.create({ phone_numbers: numbers("+19195552009") }, key);
    assert.strictEqual(a.data.id, b.data.id);
    await refused(Telnyx.ConflictError, "10027", admin.numberReservations.create({ phone_numbers: numbers("+19195552010") }, { headers: { "Idempotency-Key": "two" } })
      .then(() => admin.numberReservations.create({ phone_numbers: numbers("+19195552011") }, { headers: { "Idempotency-Key": "two" } })));
  });
  await step("retrieve", async () => {
    assert.deepStrictEqual((await member.numberReservations.retrieve(first.id)).data, first);
  });
  await step("extend to the limit", async () => {
    for (const hours of [8, 12]) {
      const r = (await admin.numberReservations.actions.extend(first.id)).data;
      assert.strictEqual(new Date(r.phone_numbers[0].expired_at) - new Date(r.created_at), hours * 3600e3);
    }
    await refused(Telnyx.UnprocessableEntityError, "85008", admin.numberReservations.actions.extend(first.id));
  });
  await step("list with each filter", async () => {
    const count = async (filter) => (await all(admin.numberReservations.list({ filter }))).length;
    assert.strictEqual(await count({}), 5);
    assert.strictEqual(await count({ status: "success" }), 4);
    assert.strictEqual(await count({ status: "partial_success" }), 1);
    assert.strictEqual(await count({ customer_reference: "MY REF 001" }), 1);
    assert.strictEqual(await count({ "phone_numbers.phone_number": "+19195552001" }), 1);
    assert.strictEqual(await count({ "phone_numbers.phone_number": "+19195552001,+19195552003" }), 2);
    assert.strictEqual(await count({ created_at: { gt: "2020-01-01T00:00:00Z" } }), 5);
    assert.strictEqual(await count({ created_at: { lt: "2020-01-01T00:00:00Z" } }), 0);
    await refused(Telnyx.BadRequestError, "10031", admin.numberReservations.list({ filter: { colour: "red" } }));
    await refused(Telnyx.BadRequestError, "10015", admin.numberReservations.list({ "page[size]": 251 }));
  });
  await step("pages over 600 reservations", async () => {
    const steady = new Set(JSON.parse(await control("steady")));
    assert.strictEqual(steady.size, 600);
    let n = 0, seen = new Set();
    for await (const r of globex.numberReservations.list({ "page[size]": 50 })) {
      seen.add(r.id);
      if (n++ % 40 === 0) { // others come and go meanwhile
        const other = await globex.numberReservations.create({ phone_numbers: numbers("+1984200" + String(n / 40 | 0).padStart(4, "0")) });
        if (n % 80 === 1) await globex.delete("/number_reservations/" + other.data.id);
      }
    }
    assert.deepStrictEqual([...steady].filter((id) => !seen.has(id)), []);
    assert.ok(n < 700, n + " items");
    const page = await globex.numberReservations.list();
    assert.strictEqual(page.data.length, 20);
    assert.strictEqual(page.meta.total_pages, Math.ceil(page.meta.total_results / 20));
    assert.strictEqual((await globex.numberReservations.list({ "page[number]": 1000 })).data.length, 0);
  });
  await step("search", async () => {
    const found = await member.availablePhoneNumbers.list({ filter: { country_code: "US", features: ["sms", "voice"], national_destination_code: "919", phone_number: { starts_with: "919555", ends_with: "7", contains: "55" }, locality: "Raleigh", administrative_area: "NC", rate_center: "RALEIGH", phone_number_type: "local", limit: 5, best_effort: false, quickship: true, reservable: true, exclude_held_numbers: true } });
    assert.strictEqual(found.data.length, 5);
    assert.strictEqual(found.metadata.total_results, 5);
    for (const n of found.data) assert.match(n.phone_number, /^\+1919555\d{3}7$/);
    await refused(Telnyx.BadRequestError, "10031", member.availablePhoneNumbers.list({ filter: { only_reserved_numbers: true } }));
  });
  await step("release and drop", async () => {
    const r = (await admin.numberReservations.create({ phone_numbers: numbers("+19195552020", "+19195552021") })).data;
    const left = await admin.delete(`/number_reservations/${r.id}/phone_numbers/+19195552020`);
    assert.deepStrictEqual(left.data.phone_numbers.map((n) => n.state), ["cancelled", "live"]);
    assert.strictEqual((await admin.delete("/number_reservations/" + r.id)).data.state, "cancelled");
  });
  let order;
  await step("order", async () => {
    order = (await admin.numberOrders.create({ phone_numbers: numbers("+19195552000", "+18005556000"), customer_reference: "PO 1", connection_id: "c1" })).data;
    assert.strictEqual(order.status, "success");
    assert.strictEqual(order.phone_numbers_count, 2);
    assert.strictEqual(order.connection_id, "c1");
    assert.deepStrictEqual((await member.numberOrders.retrieve(order.id)).data, order);
    assert.strictEqual((await admin.numberReservations.retrieve(first.id)).data.state, "ordered");
    const list = await all(admin.numberOrders.list({ filter: { status: "success", customer_reference: "PO 1", phone_numbers_count: "2", requirements_met: true, created_at: { gt: "2020-01-01T00:00:00Z" } } }));
    assert.deepStrictEqual(list.map((o) => o.id), [order.id]);
    assert.strictEqual((await admin.numberOrders.update(order.id, { customer_reference: "PO 2" })).data.customer_reference, "PO 2");
    const err = await refused(Telnyx.ConflictError, "85001", admin.numberOrders.create({ phone_numbers: numbers("+19195552000") }));
    assert.match(err.message, /not available/);
    await refused(Telnyx.UnprocessableEntityError, "10027", admin.numberOrders.create({ phone_numbers: numbers("+12025550100") }));
  });
  await step("parts of orders", async () => {
    const n = (await admin.numberOrderPhoneNumbers.retrieve(order.phone_numbers[0].id)).data;
    assert.strictEqual(n.phone_number, "+18005556000");
    assert.strictEqual((await admin.numberOrderPhoneNumbers.list({ filter: { country_code: "US" } })).data.length, 2);
    assert.strictEqual((await admin.subNumberOrders.list({ filter: { order_request_id: order.id } })).data.length, 2);
    const sub = (await admin.subNumberOrders.retrieve(order.sub_number_orders_ids[0], { filter: { include_phone_numbers: true } })).data;
    assert.strictEqual(sub.phone_numbers.length, 1);
    await refused(Telnyx.UnprocessableEntityError, "10027", admin.subNumberOrders.cancel(sub.id));
  });
  await step("errors", async () => {
    await refused(Telnyx.BadRequestError, "10004", admin.numberReservations.create({}));
    await refused(Telnyx.AuthenticationError, "10009", client("wrong").numberReservations.list());
    await refused(Telnyx.PermissionDeniedError, "10010", member.numberReservations.list());
    await refused(Telnyx.PermissionDeniedError, "10038", client(INITECH).numberReservations.create({ phone_numbers: numbers("+19195552030") }));
    await refused(Telnyx.NotFoundError, "10005", admin.numberReservations.retrieve("missing"));
    await refused(Telnyx.NotFoundError, "10005", globex.numberReservations.retrieve(first.id));
    await refused(Telnyx.ConflictError, "85006", globex.numberReservations.create({ phone_numbers: numbers("+19195552000") }));
    await refused(Telnyx.UnprocessableEntityError, "10016", admin.numberReservations.create({ phone_numbers: numbers("9195552000") }));
    const limited = client(ADMIN, LIMITED, { maxRetries: 0 });
    await limited.numberOrders.list();
    const slow = await refused(Telnyx.RateLimitError, "10011", limited.numberOrders.list());
    assert.match(slow.headers.get("retry-after"), /^\d+$/);
    await refused(Telnyx.InternalServerError, "10007", client(ADMIN, BASE.replace("/v2", "/broken/v2"), { maxRetries: 0 }).numberOrders.list());
    await refused(Telnyx.APIConnectionError, null, client(ADMIN, "http://127.0.0.1:1/v2", { maxRetries: 0 }).numberOrders.list());
  });
  await step("a cut connection leaves one reservation and one order", async () => {
    const cut = client(ADMIN, CUT);
    const before = (await admin.numberReservations.list()).meta.total_results;
    await control("cut");
    const r = (await cut.numberReservations.create({ phone_numbers: numbers("+19195552040", "+19195552041") })).data;
    assert.strictEqual(r.status, "success");
    assert.strictEqual(await control("was-cut"), "1");
    assert.strictEqual((await admin.numberReservations.list()).meta.total_results, before + 1);
    assert.strictEqual((await admin.numberReservations.list()).data[0].id, r.id);
    await control("cut");
    const o = (await cut.numberOrders.create({ phone_numbers: numbers("+19195552040", "+19195552041") })).data;
    assert.strictEqual(o.status, "success");
    assert.strictEqual(await control("was-cut"), "2");
    assert.strictEqual((await admin.numberOrders.list()).meta.total_results, 2);
  });
  await step("a cut connection extends once", async () => {
    const cut = client(ADMIN, CUT);
    const r = (await admin.numberReservations.create({ phone_numbers: numbers("+19195552050") })).data;
    const hours = (held) => (new Date(held.data.phone_numbers[0].expired_at) - new Date(held.data.created_at)) / 3600e3;
    await control("cut");
    assert.strictEqual(hours(await cut.numberReservations.actions.extend(r.id)), 8);
    assert.strictEqual(await control("was-cut"), "3");
    assert.strictEqual(hours(await admin.numberReservations.actions.extend(r.id)), 12);
  });
  await step("a webhook's signature", async () => {
    const hook = JSON.parse(WEBHOOK);
    const signed = client(ADMIN, BASE, { publicKey: PUBLIC_KEY });
    Date.now = () => hook.headers["telnyx-timestamp"] * 1000; // it looks at its own clock
    const event = await signed.webhooks.unwrap(hook.body, { headers: hook.headers });
    assert.strictEqual(event.data.event_type, "webhook.test");
    await assert.rejects(signed.webhooks.unwrap(hook.body.replace("test", "tests"), { headers: hook.headers }));
    const key = await admin.get("/public_key");
    assert.strictEqual(key.data.public, PUBLIC_KEY);
  });
  console.log("done");
}

main().catch((err) => {
  console.error(err);
  process.exit(1);
});
