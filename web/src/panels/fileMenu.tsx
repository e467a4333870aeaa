import {
  FilePlus2,
  FolderOpen,
  GraduationCap,
  HardDrive,
  Save,
  SaveAll,
  Share,
} from "lucide-react";
import { exportComfyUI, exportJson, exportPython, newGraph, saveGraph } from "../store/actions";
import { useUi } from "../store/ui";
import { chooseFile, keysOf, saveAs } from "./commands";
import type { MenuItem } from "./Menu";

export function fileItems(): MenuItem[] {
  const { openOverlay } = useUi.getState();
  return [
    { label: "New graph", run: newGraph, icon: <FilePlus2 size={15} /> },
    {
      label: "Templates and lessons …",
      run: () => openOverlay("templates"),
      keys: keysOf("graph.templates"),
      icon: <GraduationCap size={15} />,
    },
    {
      label: "Open a saved graph …",
      run: () => openOverlay("graphs"),
      keys: keysOf("graph.open"),
      icon: <HardDrive size={15} />,
    },
    {
      label: "Open a file or picture …",
      run: chooseFile,
      icon: <FolderOpen size={15} />,
    },
    {
      label: "Save",
      run: () => void saveGraph(),
      keys: keysOf("graph.save"),
      icon: <Save size={15} />,
      divided: true,
    },
    { label: "Save as …", run: saveAs, keys: keysOf("graph.saveAs"), icon: <SaveAll size={15} /> },
    {
      label: "Export as JSON",
      run: () => void exportJson(),
      icon: <Share size={15} />,
      divided: true,
    },
    { label: "Export for ComfyUI", run: () => void exportComfyUI() },
    { label: "Export as Python", run: () => exportPython() },
  ];
}
