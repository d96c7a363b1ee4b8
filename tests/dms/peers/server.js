// A DMS behind node's `soap`: the sandbox's WSDL, a memory of its own, and this library's manners.
// Arguments: the WSDL and the port. With PEER_BASIC=user:password it lets in nobody else. GET /ship
// and /invoice let the warehouse ship and finance invoice all that was asked for; GET /books shows
// the orders.
"use strict";
const fs = require("fs");
const http = require("http");
const soap = require("soap");

const [wsdlPath, port] = process.argv.slice(2);
const orders = new Map();
let last = 10000000;
const list = (value) => (value === undefined ? [] : Array.isArray(value) ? value : [value]);
const next = (prefix) => prefix + String(++last);
const now = () => "2026-11-23T14:00:00Z";

function refuse(code, message) {
  throw {
    Fault: {
      faultcode: "soap:Client",
      faultstring: `${code}: ${message}`,
      detail: { BusinessFault: { code, message } },
      statusCode: 500,
    },
  };
}

function held(number) {
  const order = orders.get(number);
  if (!order) refuse("NOT_FOUND", `there is no sales order ${number}`);
  return order;
}

const lines = (given) =>
  list(given).map((line) => ({ lineNumber: line.lineNumber, quantity: line.quantity }));

function whole(order) {
  return {
    orderNumber: order.number,
    externalNumber: order.content.externalNumber,
    status: order.cancelled ? "CANCELLED" : order.notes.length ? "IN_DELIVERY" : "OPEN",
    createdAt: order.createdAt,
    changedAt: order.createdAt,
    content: order.content,
    deliveryNotes: order.notes,
    invoiceApplications: order.applications,
    shipments: order.shipments,
    invoices: order.invoices,
    returns: order.returns,
  };
}

const acts = {
  "/ship"(order) {
    for (const { deliveryNoteNumber, lines } of order.notes)
      order.shipments.push({
        deliveryNoteNumber, carrier: "SF", trackingNumber: `JS${deliveryNoteNumber}`,
        shippedAt: "2026-11-24T05:00:00Z", lines,
      });
  },
  "/invoice"(order) {
    for (const { applicationNumber, kind, amount } of order.applications)
      order.invoices.push({
        applicationNumber, invoiceNumber: applicationNumber.slice(2), kind, date: "2026-11-24",
        netAmount: amount, taxAmount: "0.00", grossAmount: amount, red: false,
      });
  },
};

const methods = {
  CreateSalesOrder({ header }) {
    if (header.customerNumber === "0000000404") refuse("UNKNOWN_CUSTOMER", "not known");
    if (header.customerNumber === "0000000012")
      throw {
        Fault: {
          Code: { Value: "soap:Sender", Subcode: { Value: "rpc:BadArguments" } },
          Reason: { Text: "Processing Error" },
        },
      };
    const number = next("SO");
    // The library reads xs:date as a Date and cannot write one.
    const orderDate = new Date(header.orderDate).toISOString().slice(0, 10);
    const content = { ...header, orderDate, lines: list(header.lines) };
    orders.set(number, {
      number, content, createdAt: now(), notes: [], applications: [], returns: [],
      shipments: [], invoices: [],
    });
    return { orderNumber: number, status: "OPEN", createdAt: now() };
  },
  FindSalesOrder({ externalNumber, businessUnit }) {
    const found = [...orders.values()].filter(
      (order) =>
        order.content.externalNumber === externalNumber &&
        (!businessUnit || order.content.businessUnit === businessUnit),
    );
    return { orders: found.map(whole) };
  },
  CreateDeliveryNote(given) {
    const number = next("DN");
    held(given.orderNumber).notes.push({
      deliveryNoteNumber: number, status: "OPEN", externalReference: given.externalReference,
      plant: given.plant, createdAt: now(), lines: lines(given.lines),
    });
    return { deliveryNoteNumber: number };
  },
  ApplyForInvoice(given) {
    const number = next("IA");
    held(given.orderNumber).applications.push({
      applicationNumber: number, status: "OPEN", externalReference: given.externalReference,
      kind: given.kind, title: given.title, amount: given.amount, createdAt: now(),
    });
    return { applicationNumber: number };
  },
  CancelSalesOrder(given) {
    held(given.orderNumber).cancelled = true;
    return { orderNumber: given.orderNumber, status: "CANCELLED", cancelledAt: now() };
  },
  RegisterReturn(given) {
    const number = next("RT");
    held(given.orderNumber).returns.push({
      returnNumber: number, status: "REGISTERED", externalReference: given.externalReference,
      lines: lines(given.lines), reason: given.reason, registeredAt: now(),
    });
    return { returnNumber: number };
  },
  StatusChangedSince() {
    return {
      orders: [...orders.values()].map((order) => {
        const { orderNumber, externalNumber, status, changedAt, shipments, invoices } = whole(order);
        return { orderNumber, externalNumber, status, changedAt, shipments, invoices };
      }),
    };
  },
};

const server = http.createServer((request, response) => {
  if (acts[request.url]) [...orders.values()].forEach(acts[request.url]);
  const books = [...orders.values()].map((order) => [order.number, order.content.externalNumber]);
  response.end(JSON.stringify(Object.fromEntries(books)));
});
const service = { SalesService: { SalesPort11: methods } };
const listening = soap.listen(server, "/dms/service", service, fs.readFileSync(wsdlPath, "utf8"), () =>
  server.listen(Number(port), "127.0.0.1", () => console.log("ready")),
);
const basic = process.env.PEER_BASIC;
if (basic)
  listening.authorizeConnection = (request, response) => {
    const right = `Basic ${Buffer.from(basic).toString("base64")}`;
    if (request.method !== "POST" || request.headers.authorization === right) return true;
    response.statusCode = 401;
    return false;
  };
