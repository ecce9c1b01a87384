// A softphone of the tests: SIP.js over a WebSocket, a recording of what is heard, driven from outside by `phone`.
import { Inviter, Registerer, SessionState, UserAgent } from "/node_modules/sip.js/lib/index.js";

const RATE = 8000;
const MEDIA = { audio: { echoCancellation: false, noiseSuppression: false, autoGainControl: false }, video: false };
const SECONDS_KEPT = 60;

const log = [];
const note = (kind, detail = "") => log.push({ kind, detail: String(detail) });

let agent, registerer, session, context, ticket = 0;
let recorded = [];

// What a session sounds like, as 16-bit samples; the stream must play somewhere, or Chromium decodes nothing.
function record(peer) {
  const mine = ++ticket;
  const stream = new MediaStream(peer.getReceivers().map((receiver) => receiver.track));
  document.getElementById("remote").srcObject = stream;
  context = context || new AudioContext({ sampleRate: RATE });
  const source = context.createMediaStreamSource(stream);
  const tap = context.createScriptProcessor(1024, 1, 1);
  tap.onaudioprocess = (event) => {
    if (mine !== ticket || recorded.length * 1024 > SECONDS_KEPT * RATE) return;
    recorded.push(Int16Array.from(event.inputBuffer.getChannelData(0), (sample) => sample * 32767));
  };
  source.connect(tap);
  tap.connect(context.destination);
}

function watch(made) {
  session = made;
  made.stateChange.addListener((state) => {
    note(`session ${state}`);
    if (state !== SessionState.Established) return;
    const peer = made.sessionDescriptionHandler.peerConnection;
    note("dtls", peer.connectionState);
    peer.addEventListener("connectionstatechange", () => note("connection", peer.connectionState));
    record(peer);
  });
  made.delegate = { onBye: () => note("bye") };
}

window.phone = {
  log: () => log,

  async start({ server, user, domain, password }) {
    agent = new UserAgent({
      uri: UserAgent.makeURI(`sip:${user}@${domain}`),
      authorizationUsername: user,
      authorizationPassword: password,
      transportOptions: { server },
      sessionDescriptionHandlerFactoryOptions: { iceGatheringTimeout: 1000 },
      logLevel: "warn",
      logConnector: (level, category, label, content) => level === "log" || level === "debug" || note(`log ${level}`, `${category}: ${content}`),
      delegate: {
        onInvite: (invitation) => {
          note("invited", invitation.remoteIdentity.uri);
          watch(invitation);
          invitation.accept({ sessionDescriptionHandlerOptions: { constraints: MEDIA } }).catch((error) => note("error", error));
        },
      },
    });
    await agent.start();
    registerer = new Registerer(agent, { expires: 300 });
    registerer.stateChange.addListener((state) => note(`register ${state}`));
    await registerer.register({ requestDelegate: { onReject: (response) => note("register refused", response.message.statusCode) } });
  },

  async dial(target) {
    const inviter = new Inviter(agent, UserAgent.makeURI(target), {
      sessionDescriptionHandlerOptions: { constraints: MEDIA },
    });
    watch(inviter);
    await inviter.invite({ requestDelegate: { onReject: (response) => note("refused", response.message.statusCode) } });
  },

  async hold(hold) {
    session.sessionDescriptionHandlerOptionsReInvite = { hold, constraints: MEDIA };
    await new Promise((done, failed) => {
      session
        .invite({
          requestDelegate: {
            onAccept: done,
            onReject: (response) => failed(new Error(`refused: ${response.message.statusCode}`)),
          },
        })
        .catch(failed);
    });
    note(hold ? "held" : "resumed");
  },

  async hangUp() {
    await session.bye();
  },

  async statistics() {
    const report = await session.sessionDescriptionHandler.peerConnection.getStats();
    return [...report.values()].filter((one) => ["transport", "inbound-rtp", "outbound-rtp"].includes(one.type));
  },

  // All that was heard so far in the present session, as base64 of 16-bit little-endian samples.
  recording() {
    const bytes = recorded.map((block) => new Uint8Array(block.buffer));
    let text = "";
    for (const block of bytes) text += String.fromCharCode(...block);
    return btoa(text);
  },

  forget() {
    recorded = [];
  },
};
note("ready");
