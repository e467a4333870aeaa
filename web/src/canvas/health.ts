/** Whether what a wire carried was sound, where a trace of the run says it. */

export { useHealth as useWireHealth } from "../inspect/health";

export type Health = "" | "nan" | "inf";
