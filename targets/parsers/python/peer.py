"""python-engineio and python-socketio behind the line protocol of targets/parsers/README.md."""
import base64
import json
import math
import sys

from engineio import packet as engine
from engineio import payload
from socketio import packet as sio

BINARY = {sio.BINARY_EVENT: sio.EVENT, sio.BINARY_ACK: sio.ACK}


def engine_packet(frames):
    return {'packets': [engine_plain(engine.Packet(encoded_packet=frames[0]))]}


def engine_payload(frames):
    return {'packets': [engine_plain(one) for one in payload.Payload(encoded_payload=frames[0]).packets]}


def engine_plain(packet):
    plain = {'type': engine.packet_names[packet.packet_type].lower()}
    if packet.binary:
        plain['binary'] = encoded(packet.data)
    elif isinstance(packet.data, str):
        plain['text'] = packet.data
    else:
        plain['json'] = tagged(packet.data)
    return plain


def socket(frames):
    """Packets put together as the server's `_handle_eio_message` does it."""
    packets, waiting = [], None
    try:
        for frame in frames:
            if waiting is not None:
                if waiting.add_attachment(frame):
                    packets.append(socket_plain(waiting))
                    waiting = None
                continue
            packet = sio.Packet(encoded_packet=frame)
            if packet.packet_type in BINARY:
                waiting = packet
            else:
                packets.append(socket_plain(packet))
    except Exception as error:
        return {'packets': packets, 'error': said(error)}
    return {'packets': packets, 'waiting': True} if waiting else {'packets': packets}


def socket_plain(packet):
    kind = BINARY.get(packet.packet_type, packet.packet_type)
    plain = {'type': sio.packet_names[kind].lower(), 'namespace': packet.namespace or '/'}
    if packet.id is not None:
        plain['id'] = str(packet.id)
    if packet.data is not None:
        plain['data'] = tagged(packet.data)
    return plain


def tagged(value):
    """JSON that can hold bytes and numbers that JSON has no word for."""
    if isinstance(value, float) and not math.isfinite(value):
        names = {math.inf: 'Infinity', -math.inf: '-Infinity'}
        return {'$number': names.get(value, 'NaN')}
    if isinstance(value, bytes):
        return {'$bytes': encoded(value)}
    if isinstance(value, list):
        return [tagged(element) for element in value]
    if isinstance(value, dict):
        return {'$' + key if key.startswith('$') else key: tagged(member) for key, member in value.items()}
    return value


def encoded(data):
    return base64.b64encode(data).decode()


def frame(written):
    return written if isinstance(written, str) else base64.b64decode(written['$bytes'])


def said(error):
    return f'{type(error).__name__}: {error}'


LAYERS = {'engine-packet': engine_packet, 'engine-payload': engine_payload, 'socket': socket}


def answer(line):
    asked = json.loads(line)
    try:
        return LAYERS[asked['layer']]([frame(written) for written in asked['frames']])
    except Exception as error:
        return {'packets': [], 'error': said(error)}


print(json.dumps({'siospec': 1, 'layers': list(LAYERS)}), flush=True)
for line in sys.stdin.buffer:
    if line.strip():
        print(json.dumps(answer(line)))
    else:
        sys.stdout.flush()
