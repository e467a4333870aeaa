/** Which step of which loop the page shows, and the steps held beside it for comparison. Every node
 * card, wire, plot and preview reads it. */

import { create } from "zustand";

/** A step of a run kept in view. */
export interface Pin {
  run: string;
  node: string;
  step: number;
  /** As people name it: `run 4, step 7`. */
  title: string;
}

export type DrawerTab = "steps" | "schedule" | "guidance" | "tokens" | "trajectory";

export interface ScrubState {
  /** Path of the loop or sampler whose steps they are, "" for none. */
  node: string;
  /** From 0. */
  step: number;
  steps: number;
  /** The newest step of what runs is shown, until somebody chooses one. */
  follow: boolean;
  playing: boolean;
  pins: readonly Pin[];
  /** Factors that latents are drawn by; "" as the run's model has it. */
  family: string;
  tab: DrawerTab;

  /** Another loop; its last step is shown unless one is told. */
  choose(node: string, steps: number, step?: number): void;
  setSteps(steps: number): void;
  goTo(step: number): void;
  play(on: boolean): void;
  /** At most two; a third takes the place of the second. */
  pin(pin: Pin): void;
  unpin(index: number): void;
  setFamily(family: string): void;
  setTab(tab: DrawerTab): void;
}

export const useScrub = create<ScrubState>()((set) => ({
  node: "",
  step: 0,
  steps: 0,
  follow: true,
  playing: false,
  pins: [],
  family: "",
  tab: "steps",

  choose: (node, steps, step) =>
    set({ node, steps, step: clamp(step ?? steps - 1, steps), follow: step === undefined }),

  setSteps: (steps) =>
    set((state) => {
      const step = state.follow ? Math.max(0, steps - 1) : clamp(state.step, steps);
      return state.steps === steps && state.step === step ? state : { steps, step };
    }),

  goTo: (to) =>
    set((state) => {
      const step = clamp(to, state.steps);
      return step === state.step && !state.follow ? state : { step, follow: false };
    }),

  play: (playing) => set({ playing }),

  pin: (pin) =>
    set(({ pins }) => {
      const same = (one: Pin) =>
        one.run === pin.run && one.node === pin.node && one.step === pin.step;
      return pins.some(same) ? {} : { pins: [...pins.slice(0, 1), pin] };
    }),

  unpin: (index) => set(({ pins }) => ({ pins: pins.filter((_, k) => k !== index) })),
  setFamily: (family) => set({ family }),
  setTab: (tab) => set({ tab }),
}));

function clamp(step: number, steps: number): number {
  return Math.max(0, Math.min(Math.round(step), steps - 1));
}
