// A DMS behind node's `soap`: the sandbox's WSDL, a memory of its own, and this library's manners.
// Arguments: the WSDL and the port. Prints "ready" once it listens.
"use strict";
const fs = require("fs");
const http = require("http");
const soap = require("soap");

const [wsdlPath, port] = process.argv.slice(2);
const orders = new Map();
let last = 10000000;
const list = (value) => (value === undefined ? [] : Array.isArray(value) ? value : [value]);
const next = (prefix) => prefix + String(++last);
const now = () => new Date().toISOString().slice(0, 19) + "Z";

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
    returns: order.returns,
  };
}

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
        const { orderNumber, externalNumber, status, changedAt } = whole(order);
        return { orderNumber, externalNumber, status, changedAt };
      }),
    };
  },
};

const server = http.createServer((_request, response) => response.writeHead(404).end());
const service = { SalesService: { SalesPort11: methods } };
soap.listen(server, "/dms/service", service, fs.readFileSync(wsdlPath, "utf8"), () =>
  server.listen(Number(port), "127.0.0.1", () => console.log("ready")),
);
