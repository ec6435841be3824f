// Subscribes with the TypeScript SDK and prints, for each frame, the SDK's types that what it decoded really is, where it has what
// those types do not know, and the frame.
//   AGENTMAIL_API_KEY=am_... node listen.cjs <http base> <ws base> [event type ...]
// Ends when its input does.
"use strict";

const { AgentMailClient } = require("agentmail");
const types = require("agentmail/serialization");

// In the order in which the SDK's socket tries them.
const KINDS = [
    "Subscribed",
    "MessageReceivedEvent",
    "MessageSentEvent",
    "MessageDeliveredEvent",
    "MessageBouncedEvent",
    "MessageComplainedEvent",
    "MessageRejectedEvent",
    "MessageOpenedEvent",
    "DomainVerifiedEvent",
    "Error_",
];

// Turning a decoded frame back into JSON is strict, decoding is not.
const kindsOf = (frame) => KINDS.filter((kind) => types[kind].json(frame, { unrecognizedObjectKeys: "strip" }).ok);

function leftovers(kind, frame) {
    const { errors = [] } = types[kind].json(frame, { unrecognizedObjectKeys: "fail" });
    return errors.map(({ path }) => path.join("."));
}

function tell(frame) {
    const kinds = kindsOf(frame);
    console.log(JSON.stringify({ kinds, leftovers: kinds.flatMap((kind) => leftovers(kind, frame)), frame }));
}

async function main([http, websockets, ...eventTypes]) {
    const client = new AgentMailClient({ apiKey: process.env.AGENTMAIL_API_KEY, environment: { http, websockets } });
    const socket = await client.websockets.connect({ apiKey: process.env.AGENTMAIL_API_KEY });
    socket.on("message", tell);
    socket.on("error", (error) => console.error(error.message));
    await socket.waitForOpen();
    socket.sendSubscribe({ type: "subscribe", eventTypes });
    process.stdin.resume().on("end", () => process.exit(0));
}

main(process.argv.slice(2));
