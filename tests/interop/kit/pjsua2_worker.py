"""The process in which pjsua2 runs: commands come as JSON lines on standard input, events go out on standard output.

A process of its own, because the library is GPL, keeps global state, and can be brought down by its own asserts.
"""

from __future__ import annotations

import json
import os
import select
import sys
from typing import Any

import pjsua2 as pj


def tell(event: str, **facts: Any) -> None:
    sys.stdout.write(json.dumps({"event": event, **facts}) + "\n")
    sys.stdout.flush()


def with_headers(headers: dict[str, str]) -> pj.CallOpParam:
    parameters = pj.CallOpParam(True)
    for name, value in headers.items():
        header = pj.SipHeader()
        header.hName, header.hValue = name, value
        parameters.txOption.headers.append(header)
    return parameters


class Call(pj.Call):  # type: ignore[misc]
    def __init__(self, phone: Phone, number: int, call_id: int = pj.PJSUA_INVALID_ID) -> None:
        super().__init__(phone.account, call_id)
        self.phone, self.number = phone, number
        self.recorder: pj.AudioMediaRecorder | None = None

    def onCallState(self, _: pj.OnCallStateParam) -> None:  # noqa: N802
        info = self.getInfo()
        tell("state", call=self.number, state=info.stateText, status=info.lastStatusCode, remote=info.remoteUri)
        if info.state == pj.PJSIP_INV_STATE_DISCONNECTED:
            self.phone.ended.append(self.number)

    def onCallMediaState(self, _: pj.OnCallMediaStateParam) -> None:  # noqa: N802
        info = self.getInfo()  # the media are freed with it
        for index, media in enumerate(info.media):
            if media.type == pj.PJMEDIA_TYPE_AUDIO and media.status == pj.PJSUA_CALL_MEDIA_ACTIVE:
                audio = self.getAudioMedia(index)
                self.phone.player.startTransmit(audio)
                if self.recorder is None:
                    self.recorder = pj.AudioMediaRecorder()
                    self.recorder.createRecorder(f"heard-{self.number}.wav")
                audio.startTransmit(self.recorder)
            tell("media", call=self.number, status=media.status)

    def onDtmfDigit(self, digit: pj.OnDtmfDigitParam) -> None:  # noqa: N802
        tell("digit", call=self.number, digit=digit.digit)

    def onCallTransferStatus(self, status: pj.OnCallTransferStatusParam) -> None:  # noqa: N802
        tell("transfer", call=self.number, status=status.statusCode, final=bool(status.finalNotify))
        status.cont = True


class Account(pj.Account):  # type: ignore[misc]
    def __init__(self, phone: Phone) -> None:
        super().__init__()
        self.phone = phone

    def onRegState(self, state: pj.OnRegStateParam) -> None:  # noqa: N802
        tell("registered", status=state.code, expires=state.expiration)

    def onIncomingCall(self, incoming: pj.OnIncomingCallParam) -> None:  # noqa: N802
        call = self.phone.add_call(incoming.callId)
        tell("incoming", call=call.number, remote=call.getInfo().remoteUri)
        answer = pj.CallOpParam()
        answer.statusCode = 200 if self.phone.settings["auto_answer"] else 180
        call.answer(answer)


class Phone:
    def __init__(self, settings: dict[str, Any]) -> None:
        self.settings = settings
        self.calls: dict[int, Call] = {}
        self.ended: list[int] = []
        self.next_number = 1
        self.live = True
        self.endpoint = pj.Endpoint()
        self.endpoint.libCreate()
        config = pj.EpConfig()
        config.uaConfig.threadCnt = 0
        config.uaConfig.mainThreadOnly = True
        config.medConfig.noVad = True
        config.medConfig.clockRate = 8000
        config.logConfig.level = 4
        config.logConfig.consoleLevel = 0
        config.logConfig.filename = "pjsua.log"
        self.endpoint.libInit(config)
        self.open_transport()
        self.endpoint.libStart()
        self.endpoint.audDevManager().setNullDev()
        for codec in self.endpoint.codecEnum2():
            self.endpoint.codecSetPriority(codec.codecId, 255 if codec.codecId.startswith(settings["codec"]) else 0)
        self.player = pj.AudioMediaPlayer()
        self.player.createPlayer(settings["tone"])
        self.account = Account(self)
        self.account.create(self.account_config())

    def open_transport(self) -> None:
        transport = pj.TransportConfig()
        transport.boundAddress = transport.publicAddress = "127.0.0.1"
        kinds = {"udp": pj.PJSIP_TRANSPORT_UDP, "tcp": pj.PJSIP_TRANSPORT_TCP, "tls": pj.PJSIP_TRANSPORT_TLS}
        if self.settings["transport"] == "tls":
            transport.tlsConfig.CaListFile = self.settings["authority"]
            transport.tlsConfig.verifyServer = True
            transport.tlsConfig.proto = pj.PJ_SSL_SOCK_PROTO_TLS1_2
        self.endpoint.transportCreate(kinds[self.settings["transport"]], transport)

    def account_config(self) -> pj.AccountConfig:
        s = self.settings
        config = pj.AccountConfig()
        config.idUri = f"sip:{s['user']}@{s['domain']}"
        via = f"sip:{s['server_name']}:{s['server']};transport={s['transport']};lr"
        config.sipConfig.proxies.append(via)
        config.sipConfig.authCreds.append(pj.AuthCredInfo("digest", "*", s["user"], 0, s["password"]))
        config.regConfig.registrarUri = f"sip:{s['domain']}"
        config.regConfig.timeoutSec = 60
        config.regConfig.retryIntervalSec = 1
        config.mediaConfig.srtpUse = pj.PJMEDIA_SRTP_MANDATORY if s["srtp"] else pj.PJMEDIA_SRTP_DISABLED
        config.mediaConfig.srtpSecureSignaling = 0
        config.mediaConfig.transportConfig.boundAddress = "127.0.0.1"
        config.mediaConfig.transportConfig.publicAddress = "127.0.0.1"
        config.mediaConfig.transportConfig.port = s["rtp"]
        config.mediaConfig.transportConfig.portRange = 60
        config.callConfig.timerUse = pj.PJSUA_SIP_TIMER_OPTIONAL
        config.callConfig.prackUse = pj.PJSUA_100REL_OPTIONAL if s["prack"] else pj.PJSUA_100REL_NOT_USED
        return config

    def add_call(self, call_id: int = pj.PJSUA_INVALID_ID) -> Call:
        call = Call(self, self.next_number, call_id)
        self.calls[self.next_number] = call
        self.next_number += 1
        return call

    def obey(self, command: dict[str, Any]) -> None:  # noqa: C901 one case a command
        call = self.calls.get(command.get("call", 0))
        match command["do"]:
            case "dial":
                made = self.add_call()
                tell("dialling", call=made.number, token=command.get("token"))
                made.makeCall(command["to"], with_headers(command.get("headers") or {}))
            case "quit":
                self.live = False
            case _ if call is None:
                tell("error", reason="no such call", command=command)
            case "answer":
                parameters = pj.CallOpParam()
                parameters.statusCode = command.get("status", 200)
                call.answer(parameters)
            case "hang_up":
                call.hangup(pj.CallOpParam())
            case "hold":
                call.setHold(pj.CallOpParam())
            case "resume":
                parameters = pj.CallOpParam(True)
                parameters.opt.flag = pj.PJSUA_CALL_UNHOLD
                call.reinvite(parameters)
            case "dialog":
                tell("dialog", call=call.number, call_id=call.getInfo().callIdString)
            case "digits":
                call.dialDtmf(command["digits"])
            case "transfer":
                call.xfer(command["to"], pj.CallOpParam(True))
            case "join":
                call.xferReplaces(self.calls[command["other"]], pj.CallOpParam(True))
            case other:
                tell("error", reason=f"unknown command {other}")

    def run(self) -> None:
        buffer = b""
        while self.live:
            self.endpoint.libHandleEvents(10)
            while self.ended:
                self.calls.pop(self.ended.pop(), None)
            if select.select([0], [], [], 0)[0]:
                data = os.read(0, 65536)
                if not data:
                    break
                *lines, buffer = (buffer + data).split(b"\n")
                for line in lines:
                    try:
                        self.obey(json.loads(line))
                    except pj.Error as error:
                        tell("error", reason=error.info())

    def close(self) -> None:
        self.endpoint.hangupAllCalls()
        for _ in range(20):
            self.endpoint.libHandleEvents(10)
        self.calls.clear()
        self.account.shutdown()
        del self.account, self.player
        self.endpoint.libDestroy()


if __name__ == "__main__":
    phone = Phone(json.loads(sys.argv[1]))
    tell("ready")
    phone.run()
    phone.close()
    tell("closed")
