/** Entry point `ebalance/der`: what the firmware of a DER controller needs besides `ebalance/device`, apart from it so that a sensor stays small. */
export { DerController, derSettings, type DerSettings } from "./services/der/der-controller";
export { Alarm, ControllerState, derLimits, type AlarmBit, type ControllerStateCode, type DerLimits } from "./services/der/der-decision";
export type { InverterPort, InverterProblem, InverterReading, Nameplate } from "./services/der/inverter-port";
export { ModbusTcp } from "./transports/modbus/modbus-tcp";
export type { RegisterPort, Registers } from "./transports/modbus/register-port";
export { SunSpecInverter } from "./transports/modbus/sunspec-inverter";
