// Bandwidth's own npm client against the door. npm_test.go starts the door, gives this
// file its address and credentials in the environment, and demands that every step
// says "ok". Callbacks become promises that answer [error, result].
"use strict";
const assert = require("assert");
const numbers = require("@bandwidth/numbers");
const { ENDPOINT, ACCOUNT, USERNAME, PASSWORD, LIMITED } = process.env;
Object.assign(numbers.Client.globalOptions, { apiEndPoint: ENDPOINT, accountId: ACCOUNT, userName: USERNAME, password: PASSWORD });
const client = new numbers.Client();
const call = (fn, ...args) => new Promise((done) => fn(...args, (...answer) => done(answer)));
const ask = (...args) => call((...a) => client.makeRequest(...a), ...args);
const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

async function good(fn, ...args) {
  const [err, res] = await call(fn, ...args);
  assert.ifError(err);
  return res;
}

async function step(name, fn) {
  await fn();
  console.log("ok " + name);
}

const reserve = (tn) => good(numbers.TnReservation.create, { reservedTn: tn });

// order places one and reads it back: the error, if any, and the order's answer.
async function order(item) {
  const made = await good(numbers.Order.create, item);
  assert.strictEqual(made.orderStatus, "RECEIVED");
  assert.match(made.order.id, uuid);
  const [err, got] = await call(numbers.Order.get, made.order.id);
  return { made, err, got };
}

async function main() {
  let first;
  await step("reservation: create, get, delete", async () => {
    const r = await reserve("9195552000");
    assert.match(r.id, uuid);
    assert.strictEqual(r.reservationId, r.id);
    assert.strictEqual(String(r.accountId), ACCOUNT);
    assert.strictEqual(r.reservedTn, "9195552000");
    assert.strictEqual(r.reservationExpires, 14400);
    const again = await good(numbers.TnReservation.get, r.id);
    assert.strictEqual(again.id, r.id);
    await good((cb) => again.delete(cb));
    const [err] = await call(numbers.TnReservation.get, r.id);
    assert.strictEqual(err.status, 404);
    assert.match(err.response.text, /<ErrorCode>5042<\/ErrorCode>/);
  });
  await step("reservation: taken", async () => {
    first = await reserve("9195552001");
    const [err] = await call(numbers.TnReservation.create, { reservedTn: "9195552001" });
    assert.strictEqual(err.status, 400);
    assert.match(err.response.text, /<ErrorCode>5041<\/ErrorCode>/);
  });
  await step("reservation: by TN", async () => {
    const [err, res] = await ask("get", "tns/9195552001/tnreservation");
    assert.ifError(err);
    assert.strictEqual(res.reservationId, first.id);
    assert.strictEqual(res.reservationID, first.id);
    assert.strictEqual(String(res.account), ACCOUNT);
    assert.strictEqual(res.reservedTN, "9195552001");
  });
  await step("reservation: list", async () => {
    const [err, res] = await ask("get", `accounts/${ACCOUNT}/tnreservation`);
    assert.ifError(err);
    assert.strictEqual(res.count ?? res.reservations.count, 1);
  });
  await step("search: plain", async () => {
    const res = await good(numbers.AvailableNumbers.list, { areaCode: 919, quantity: 2 });
    assert.strictEqual(res.resultCount, 2);
    assert.strictEqual(res.telephoneNumberList.telephoneNumber.length, 2);
    for (const tn of res.telephoneNumberList.telephoneNumber) assert.match(tn, /^919\d{7}$/);
  });
  await step("search: detailed", async () => {
    const res = await good(numbers.AvailableNumbers.list, { rateCenter: "RALEIGH", state: "NC", quantity: 3, enableTNDetail: true });
    const details = res.telephoneNumberDetailList.telephoneNumberDetail;
    assert.strictEqual(details.length, 3);
    assert.strictEqual(details[0].lata, 426);
    assert.strictEqual(details[0].rateCenter, "RALEIGH");
    assert.match(details[0].fullNumber, /^919\d{7}$/);
  });
  await step("search: none found", async () => {
    const res = await good(numbers.AvailableNumbers.list, { areaCode: 415 });
    assert.deepStrictEqual(res, {});
  });
  await step("search: toll-free wildcard", async () => {
    const res = await good(numbers.AvailableNumbers.list, { tollFreeWildCardPattern: "8**", quantity: 2 });
    for (const tn of res.telephoneNumberList.telephoneNumber) assert.match(tn, /^800555/);
  });
  await step("search: bad criteria", async () => {
    const [err] = await call(numbers.AvailableNumbers.list, { quantity: 2 });
    assert.strictEqual(err.status, 400);
    assert.match(err.response.text, /<Code>4010<\/Code>/);
  });
  await step("places", async () => {
    const xs = await good(numbers.AvailableNpaNxx.list, { state: "NC" });
    assert.deepStrictEqual(xs.map((x) => [x.npa, x.nxx]), [[919, 555], [984, 200]]);
    const cities = await good(numbers.City.list, { state: "NC" });
    assert.deepStrictEqual(cities.map((c) => c.name), ["Durham", "Raleigh"]);
    await good(numbers.RateCenter.list, { state: "NC" });
    const account = await good(numbers.Account.get);
    assert.strictEqual(account.reservationAllowed, true);
    const products = await good(numbers.Account.getProducts);
    assert.strictEqual(products.product.features.feature, "RESERVATION");
  });
  let placed;
  await step("order: with a reservation id, as one list", async () => {
    const { err, got } = await order({
      name: "One list", siteId: 1, customerOrderId: "ONE-1",
      existingTelephoneNumberOrderType: { telephoneNumberList: { telephoneNumber: ["9195552001"] }, reservationIdList: { reservationId: [first.id] } },
    });
    assert.ifError(err);
    assert.strictEqual(got.orderStatus, "COMPLETE");
    assert.strictEqual(got.completedQuantity, 1);
    assert.strictEqual(got.completedNumbers.telephoneNumber.fullNumber, "9195552001");
    assert.strictEqual(got.summary, "1 number ordered in (919)");
    assert.ok(got.order.orderCreateDate instanceof Date);
    placed = got.order;
    const [gone] = await call(numbers.TnReservation.get, first.id);
    assert.strictEqual(gone.status, 404);
  });
  await step("order: with reservation ids, as the README's array of lists", async () => {
    const a = await reserve("9195552002"), b = await reserve("9195552003");
    const { err, got } = await order({
      name: "Many lists", siteId: 1,
      existingTelephoneNumberOrderType: {
        telephoneNumberList: [{ telephoneNumber: "9195552002" }, { telephoneNumber: "9195552003" }],
        reservationIdList: [{ reservationId: a.id }, { reservationId: b.id }],
      },
    });
    assert.ifError(err);
    assert.strictEqual(got.orderStatus, "COMPLETE");
    assert.strictEqual(got.completedQuantity, 2);
  });
  await step("order: a held TN without its id", async () => {
    await reserve("9195552004");
    const { err, got } = await order({ name: "No id", existingTelephoneNumberOrderType: { telephoneNumberList: { telephoneNumber: ["9195552004"] } } });
    assert.strictEqual(err.code, 5005);
    assert.strictEqual(got.orderStatus, "FAILED");
  });
  await step("order: PARTIAL", async () => {
    const { err, got } = await order({ name: "Part", existingTelephoneNumberOrderType: { telephoneNumberList: { telephoneNumber: ["9195552004", "9195552005"] } } });
    assert.strictEqual(err.code, 5005); // the order comes as the second argument
    assert.strictEqual(got.orderStatus, "PARTIAL");
    assert.strictEqual(got.failedNumbers.fullNumber, "9195552004");
    assert.strictEqual(got.completedNumbers.telephoneNumber.fullNumber, "9195552005");
  });
  await step("order: search and order", async () => {
    const { err, got } = await order({ name: "Search", areaCodeSearchAndOrderType: { areaCode: 984, quantity: 3 } });
    assert.ifError(err);
    assert.strictEqual(got.orderStatus, "COMPLETE");
    assert.strictEqual(got.completedQuantity, 3);
  });
  await step("order: notes, history, tns, counts, update, list", async () => {
    const note = await good((cb) => placed.addNote({ userId: "me", description: "Remember" }, cb));
    assert.strictEqual(note.description, "Remember");
    assert.strictEqual((await good((cb) => placed.getNotes(cb))).length, 1);
    const history = await good((cb) => placed.getHistory(cb));
    assert.deepStrictEqual(history.map((h) => h.status), ["RECEIVED", "COMPLETE"]);
    const tns = await good((cb) => placed.getTns(cb));
    assert.strictEqual(tns.count, 1);
    assert.strictEqual((await good((cb) => placed.getAreaCodes(cb)))[0].areaCode, 919);
    await good((cb) => placed.getNpaNxx(cb));
    assert.strictEqual((await good((cb) => placed.getTotals(cb)))[0].count, 1);
    await good((cb) => placed.update({ name: "Renamed" }, cb));
    const list = await good(numbers.Order.list, { page: 1, size: 100 });
    assert.strictEqual(list.listOrderIdUserIdDate.totalCount ?? list.totalCount, 5);
  });
  await step("TNs", async () => {
    const tn = await good(numbers.Tn.get, "9195552001");
    assert.strictEqual(tn.status, "Inservice");
    assert.strictEqual(tn.orderId, placed.id);
    assert.strictEqual((await good((cb) => tn.getTnDetails(cb))).rateCenter, "RALEIGH");
    const list = await good(numbers.Tn.list, {});
    assert.strictEqual(list.telephoneNumberCount, 7);
    assert.strictEqual(list.telephoneNumbers.telephoneNumber.length, 7);
  });
  await step("disconnect", async () => {
    const made = await good(numbers.Disconnect.create, "Bye", ["9195552001"]);
    assert.strictEqual(made.orderStatus, "RECEIVED");
    const got = await good(numbers.Disconnect.get, made.order.id, {});
    assert.strictEqual(got.orderStatus, "COMPLETE");
    assert.strictEqual((await good(numbers.Tn.get, "9195552001")).status, "Aging");
    await good(numbers.Disconnect.list, {});
  });
  await step("sites and subscriptions", async () => {
    assert.strictEqual((await good(numbers.Site.list))[0].id, 1);
    const site = await good(numbers.Site.create, { name: "Sales", description: "Second floor" });
    assert.strictEqual(site.name, "Sales");
    assert.strictEqual((await good((cb) => site.getSipPeers(cb)))[0].isDefaultPeer, true);
    const peer = await good(numbers.SipPeer.create, { siteId: site.id, peerName: "East", isDefaultPeer: true });
    assert.strictEqual(peer.id, 2);
    const sub = await good(numbers.Subscription.create, { orderType: "orders", emailSubscription: { email: "ops@example.com", digestRequested: "NONE" } });
    assert.match(sub.id, uuid);
    await good((cb) => sub.update({ orderType: "orders", callbackSubscription: { URL: "https://example.com/cb", expiry: 3600 } }, cb));
    assert.strictEqual((await good(numbers.Subscription.list)).length, 1);
    await good((cb) => sub.delete(cb));
    assert.strictEqual((await good(numbers.Subscription.list)).length, 0);
  });
  await step("bearer token", async () => {
    const res = await fetch(ENDPOINT + "/v1/oauth2/token", {
      method: "POST", body: new URLSearchParams({ grant_type: "client_credentials" }),
      headers: { Authorization: "Basic " + Buffer.from(USERNAME + ":" + PASSWORD).toString("base64") },
    });
    const token = await res.json();
    assert.strictEqual(token.token_type, "Bearer");
    const claims = JSON.parse(Buffer.from(token.access_token.split(".")[1], "base64url"));
    assert.deepStrictEqual(claims.accounts, [ACCOUNT]);
    assert.ok(claims.roles.length > 0);
    const bearer = new numbers.Client(ACCOUNT, "", "", "", "", { tempAccessToken: token.access_token });
    const [err, account] = await call(numbers.Account.get, bearer);
    assert.ifError(err);
    assert.strictEqual(String(account.accountId), ACCOUNT);
  });
  await step("401", async () => {
    const [err] = await call(numbers.Account.get, new numbers.Client(ACCOUNT, USERNAME, "wrong"));
    assert.strictEqual(err.status, 401);
    assert.match(err.response.headers["www-authenticate"], /^Basic realm=/);
  });
  await step("429", async () => {
    const limited = new numbers.Client(ACCOUNT, USERNAME, PASSWORD, "", "", { apiEndPoint: LIMITED });
    assert.ifError((await call(numbers.Account.get, limited))[0]);
    const [err] = await call(numbers.Account.get, limited);
    assert.strictEqual(err.status, 429);
    assert.strictEqual(err.response.text, "");
    assert.match(err.response.headers["x-ratelimit-reset"], /^\d{10}$/);
  });
  console.log("done");
}

main().catch((err) => {
  console.error(err);
  process.exit(1);
});
