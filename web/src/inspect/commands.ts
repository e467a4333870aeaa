/** What can be done with steps and wires, for the palette, the keys and the shortcut sheet. */

import { type Command, registerCommands } from "../store/commands";
import { type DrawerTab, useScrub } from "../store/scrub";
import { useUi } from "../store/ui";
import { canCollapse, canExplode, change } from "./explode";
import { useLook } from "./look";
import { pinHere, togglePlay } from "./Scrubber";

const has = () => useScrub.getState().steps > 0;
const by = (count: number) => () => {
  const { step, goTo, play } = useScrub.getState();
  play(false);
  goTo(step + count);
};
const group = "Look inside";

const TABS: readonly [DrawerTab, string, string][] = [
  ["steps", "Steps of the run", "scrubber latents"],
  ["schedule", "Schedule plot", "sigma sigmas"],
  ["guidance", "Guidance plot", "cfg cond uncond"],
  ["tokens", "Tokens of the prompt", "clip attention words"],
  ["trajectory", "Trajectory of the latents", "pca samplers reference"],
];

export function registerInspect(): () => void {
  const commands: Command[] = [
    { id: "scrub.next", title: "Next step", keys: ["."], group, when: has, run: by(1) },
    { id: "scrub.before", title: "Step before", keys: [","], group, when: has, run: by(-1) },
    {
      id: "scrub.play",
      title: "Play the steps, or pause",
      keys: ["K"],
      group,
      when: has,
      run: togglePlay,
    },
    {
      id: "scrub.first",
      title: "First step",
      group,
      when: has,
      run: () => useScrub.getState().goTo(0),
    },
    {
      id: "scrub.last",
      title: "Last step",
      group,
      when: has,
      run: () => useScrub.getState().goTo(useScrub.getState().steps - 1),
    },
    {
      id: "scrub.pin",
      title: "Hold this step to compare",
      words: "pin",
      group,
      when: has,
      run: pinHere,
    },
    {
      id: "look.wire",
      title: "Look at what this wire carries",
      keys: ["L"],
      group,
      when: () => Boolean(useUi.getState().wire ?? useLook.getState().focused),
      run: () => {
        const wire = useUi.getState().wire ?? useLook.getState().focused;
        if (wire) useLook.getState().look(wire.from, wire.type);
      },
    },
    {
      id: "sampler.explode",
      title: "Show every step of the sampler",
      words: "explode loop unroll",
      group,
      when: () => canExplode(),
      run: () => change("explode"),
    },
    {
      id: "sampler.explode.check",
      title: "Show every step of the sampler, and check that the picture is the same",
      words: "explode identical",
      group,
      when: () => canExplode(),
      run: () => change("explode", true),
    },
    {
      id: "sampler.collapse",
      title: "Collapse the loop into one node",
      words: "sampler",
      group,
      when: () => canCollapse(),
      run: () => change("collapse"),
    },
    {
      id: "sampler.collapse.check",
      title: "Collapse the loop into one node, and check that the picture is the same",
      words: "sampler identical",
      group,
      when: () => canCollapse(),
      run: () => change("collapse", true),
    },
    ...TABS.map(([tab, title, words]) => ({
      id: `look.${tab}`,
      title,
      words,
      group,
      run: () => {
        useScrub.getState().setTab(tab);
        useUi.getState().setDrawer(true);
      },
    })),
  ];
  return registerCommands(commands);
}
