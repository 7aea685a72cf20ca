"""SunSpec inverters behind a Modbus TCP port, on the stack of another project (pymodbus): models 1, 103, 120 and 123 at a base address.

Prints "ready PORT", then takes commands as JSON lines on standard input and answers each with one line:
  {"unit": 1, "availableW": 4200}    the sun
  {"unit": 1, "voltageV": 231.5}     phase to neutral, all phases, without infeed
  {"unit": 1, "riseVPerKw": 2}       what each kW that it feeds in adds to that
  {"unit": 1, "rampS": 2}            time from nominal power to nothing
  {"unit": 1, "ignore": true}        takes limits into its registers, and does not obey
  {"unit": 1, "deaf": true}          drops what is written into the limit
  {"unit": 1, "silent": true}        keeps the connection and answers nothing
  {"unit": 1, "garbage": KIND}       KIND: one of GARBAGE, or null to end it
  {"unit": 1, "reset": true}         everything as at the start
  {"state": true}                    answers with what the units are doing
Ends when standard input does.
"""
import argparse
import asyncio
import json
import logging
import sys
import time

from pymodbus.datastore import ModbusServerContext, ModbusSlaveContext
from pymodbus.datastore.store import BaseModbusDataBlock
from pymodbus.server.async_io import ModbusTcpServer
from pymodbus.transaction import ModbusSocketFramer

NOT_INT16, NOT_UINT16 = 0x8000, 0xFFFF
MODEL_103, MODEL_120, MODEL_123 = 70, 122, 150
END = 176
LIMIT, REVERT, ENABLED = MODEL_123 + 5, MODEL_123 + 7, MODEL_123 + 9

GARBAGE = {
    "voltage": "6000 V",
    "power": "ten times the nominal power",
    "frequency": "500 Hz",
    "scale": "a scale factor of 300",
    "sentinels": "nothing is implemented",
    "count": "one register less than was asked",
    "transaction": "the answer to another transaction",
    "unit": "the answer of another unit",
    "bytes": "bytes that are no Modbus",
    "half": "half an answer",
}


def text(value, registers):
    data = value.encode("ascii").ljust(2 * registers, b"\0")
    return [data[i] << 8 | data[i + 1] for i in range(0, 2 * registers, 2)]


class Inverter(BaseModbusDataBlock):
    """One inverter and its registers from the base address on; there are no others."""

    def __init__(self, base, unit, nominal_w, ramp_s):
        self.base, self.unit, self.nominal_w, self.usual_ramp_s = base, unit, nominal_w, ramp_s
        self.reset()

    def reset(self):
        unit, nominal_w, self.ramp_s = self.unit, self.nominal_w, self.usual_ramp_s
        self.available_w, self.voltage_v, self.energy_wh = nominal_w, 230.0, 123456.0
        self.power_w = self.rise_v_per_kw = 0.0
        self.ignore = self.deaf = self.silent = False
        self.garbage = None
        self.updated = time.monotonic()
        self.revert_at = None
        self.values = [NOT_UINT16] * (END + 2)
        self.put(0, [0x5375, 0x6E53])
        self.put(2, [1, 66] + text("Other Maker", 16) + text("PY 5000", 16) + text("", 8) + text("1.0", 8) + text(f"SN-{unit}", 16) + [unit, 0])
        self.put(MODEL_103, [103, 50])
        self.put(MODEL_120, [120, 26, 4, nominal_w // 10, 1])
        self.put(MODEL_123, [123, 24, 0, 0, 1, 10000, 0, 0, NOT_UINT16, 0])
        self.put(MODEL_123 + 23, [0x10000 - 2, 0, 0])
        self.put(END, [0xFFFF, 0])

    def put(self, at, values):
        self.values[at : at + len(values)] = values

    def limit_w(self):
        enabled = self.values[ENABLED] == 1 and not self.ignore
        return self.nominal_w * self.values[LIMIT] / 10000 if enabled else self.nominal_w

    def advance(self):
        now = time.monotonic()
        if self.revert_at is not None and now >= self.revert_at:
            self.values[ENABLED], self.revert_at = 0, None
        step = self.nominal_w * (now - self.updated) / self.ramp_s if self.ramp_s > 0 else self.nominal_w
        self.energy_wh += self.power_w * (now - self.updated) / 3600
        self.updated = now
        target = min(self.available_w, self.limit_w())
        self.power_w += max(-step, min(step, target - self.power_w))

    def measure(self):
        self.advance()
        volts = round((self.voltage_v + self.rise_v_per_kw * self.power_w / 1000) * 10)
        watts, hertz, scale = round(self.power_w), 5000, 0
        if self.garbage == "voltage":
            volts = 60000
        if self.garbage == "power":
            watts, scale = round(self.nominal_w / 10), 2
        if self.garbage == "frequency":
            hertz = 50000
        if self.garbage == "scale":
            scale = 300
        energy = round(self.energy_wh)
        self.put(MODEL_103 + 10, [volts] * 3 + [0x10000 - 1, watts, scale, hertz, 0x10000 - 2])
        self.put(MODEL_103 + 18, [NOT_INT16] * 6 + [energy >> 16, energy & 0xFFFF, 0])
        if self.garbage == "sentinels":
            self.put(MODEL_103 + 2, [NOT_UINT16] * 12 + [NOT_INT16] * 2 + [NOT_UINT16] + [NOT_INT16] * 7 + [0, 0, NOT_INT16])

    # What pymodbus calls.
    def validate(self, address, count=1):
        return self.base <= address and address + count <= self.base + len(self.values)

    def getValues(self, address, count=1):
        self.measure()
        at = address - self.base
        return self.values[at : at + count]

    def setValues(self, address, values):
        self.advance()
        if self.deaf:
            return
        self.put(address - self.base, values)
        revert_s = self.values[REVERT]
        self.revert_at = time.monotonic() + revert_s if self.values[ENABLED] == 1 and 0 < revert_s < NOT_UINT16 else None

    def command(self, message):
        if message.pop("reset", False):
            self.reset()
        names = {"availableW": "available_w", "voltageV": "voltage_v", "riseVPerKw": "rise_v_per_kw", "rampS": "ramp_s", "ignore": "ignore", "deaf": "deaf", "silent": "silent", "garbage": "garbage"}
        if message.get("garbage") is not None and message["garbage"] not in GARBAGE:
            raise ValueError(f"garbage {message['garbage']} is none of {', '.join(GARBAGE)}")
        self.advance()
        for name, value in message.items():
            setattr(self, names[name], value)

    def state(self):
        self.advance()
        return {"unit": self.unit, "powerW": self.power_w, "limitShare": self.values[LIMIT] / 100, "enabled": self.values[ENABLED] == 1}


def spoil(inverters, response):
    """Last look at what is about to be sent: pymodbus sends what this returns."""
    inverter = inverters[response.unit_id]
    if inverter.silent:
        response.should_respond = False
        return response, False
    if inverter.garbage == "count" and hasattr(response, "registers"):
        response.registers = response.registers[:-1]
    if inverter.garbage == "transaction":
        response.transaction_id ^= 0x55
    if inverter.garbage == "unit":
        response.unit_id ^= 0x55
    if inverter.garbage == "bytes":
        return b"GET / HTTP/1.1\r\nHost: inverter\r\n\r\n", True
    if inverter.garbage == "half":
        packet = ModbusSocketFramer(None).buildPacket(response)
        return packet[: len(packet) // 2], True
    return response, False


async def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--base", type=int, default=40000)
    parser.add_argument("--unit", type=int, action="append", help="repeatable; default 1")
    parser.add_argument("--nominal-w", type=int, default=5000)
    parser.add_argument("--ramp-s", type=float, default=0.2, help="time from nominal power to nothing")
    options = parser.parse_args()
    logging.disable(logging.CRITICAL)
    inverters = {unit: Inverter(options.base, unit, options.nominal_w, options.ramp_s) for unit in options.unit or [1]}
    slaves = {unit: ModbusSlaveContext(hr=inverter, zero_mode=True) for unit, inverter in inverters.items()}
    server = ModbusTcpServer(
        ModbusServerContext(slaves=slaves, single=False),
        address=("127.0.0.1", options.port),
        allow_reuse_address=True,
        response_manipulator=lambda response: spoil(inverters, response),
    )
    serving = asyncio.create_task(server.serve_forever())
    await asyncio.wait([serving, server.serving], return_when=asyncio.FIRST_COMPLETED)
    if serving.done():
        serving.result()
    print("ready", server.server.sockets[0].getsockname()[1], flush=True)

    reader = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    while line := await reader.readline():
        message = json.loads(line)
        if message.pop("state", False):
            print(json.dumps([inverter.state() for inverter in inverters.values()]), flush=True)
        else:
            inverters[message.pop("unit", 1)].command(message)
            print("done", flush=True)
    serving.cancel()


asyncio.run(main())
