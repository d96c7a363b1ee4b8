// A DMS behind node's `soap` that takes a JSON text (`invoke`), with the token of a login in it.
// Arguments: the WSDL and the port. GET /ship and /invoice let the warehouse ship and finance
// invoice all that was asked for; GET /books shows the orders.
"use strict";
const fs = require("fs");
const http = require("http");
const soap = require("soap");

const [wsdlPath, port] = process.argv.slice(2);
const orders = new Map();
const tokens = new Set();
let last = 10000000;
const next = (prefix) => prefix + String(++last);

class Refusal extends Error {}

function held(code) {
  const order = orders.get(code);
  if (!order) throw new Refusal("NOT_FOUND");
  return order;
}

const methods = {
  login({ user, password }) {
    if (user !== "connector" || password !== "sandbox-secret") throw new Refusal("LOGIN");
    const token = next("T");
    tokens.add(token);
    return { token };
  },
  "order.add"({ head }) {
    const code = next("SO");
    orders.set(code, {
      code, extNo: head.extNo, state: "OPEN", createdAt: "2026-11-23T14:00:00Z",
      changedAt: "2026-11-23T14:00:00Z", body: head, notes: [], apps: [], returns: [], ship: [], inv: [],
    });
    return { code };
  },
  "order.query"({ extNo, moreNo }) {
    const wanted = [extNo, ...(moreNo || [])];
    return { order: [...orders.values()].filter((order) => wanted.includes(order.extNo)) };
  },
  "order.cancel"({ code }) {
    held(code).state = "CANCELLED";
    return { code };
  },
  "note.add"({ code, ref, entry }) {
    const note = next("DN");
    held(code).notes.push({ note, ref, entry });
    return { note };
  },
  "invoice.apply"({ code, ref, amt }) {
    const app = next("IA");
    held(code).apps.push({ app, ref, amt });
    return { app };
  },
};

function invoke({ data }) {
  let said;
  try {
    const asked = JSON.parse(data);
    if (asked.method !== "login" && !tokens.has(asked.token)) throw new Refusal("TOKEN");
    said = { code: "0", message: "成功", data: methods[asked.method](asked.data) };
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    said = { code: error.message, message: "拒绝", data: {} };
  }
  return { return: JSON.stringify(said) };
}

const acts = {
  "/ship"(order) {
    for (const { note, entry } of order.notes) {
      order.ship.push({
        note, carrier: "SF", waybill: `JS${note}`, shippedOn: "2026-11-24T05:00:00Z", entry,
      });
      order.state = "SHIPPED";
    }
    tokens.clear(); // every session is over by then
  },
  "/invoice"(order) {
    for (const { app, amt } of order.apps)
      order.inv.push({
        invNo: `FP${app}`, app, date: "2026-11-24", net: amt, tax: 0, gross: amt, red: false,
      });
  },
};

const server = http.createServer((request, response) => {
  if (request.method === "GET" && acts[request.url]) [...orders.values()].forEach(acts[request.url]);
  const books = [...orders.values()].map((order) => [order.code, order.extNo]);
  response.end(JSON.stringify(Object.fromEntries(books)));
});
const service = { ExchangeService: { ExchangePort: { invoke } } };
soap.listen(server, "/dms/service", service, fs.readFileSync(wsdlPath, "utf8"), () =>
  server.listen(Number(port), "127.0.0.1", () => console.log("ready")),
);
