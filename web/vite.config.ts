import react from "@vitejs/plugin-react";
import { defineConfig } from "vitest/config";

// What is built is committed, so that installing nodeflow needs no Node.js: fixed names and no
// minifying keep its history readable.
export default defineConfig({
  base: "./",
  plugins: [react()],
  // The tests need React's development build.
  define: process.env.VITEST ? {} : { "process.env.NODE_ENV": JSON.stringify("production") },
  build: {
    target: "es2022",
    minify: false,
    cssMinify: false,
    sourcemap: false,
    modulePreload: { polyfill: false },
    assetsInlineLimit: 0,
    chunkSizeWarningLimit: 4096,
    // The libraries inside keep their notices.
    license: { fileName: "licenses.md" },
    rollupOptions: {
      output: {
        entryFileNames: "assets/editor.js",
        chunkFileNames: "assets/[name].js",
        assetFileNames: "assets/[name][extname]",
        manualChunks: (id: string) => {
          if (!id.includes("node_modules")) return undefined;
          return /codemirror|@lezer|style-mod|w3c-keyname|crelt/.test(id) ? "codemirror" : "vendor";
        },
      },
    },
  },
  // Tests read the shipped graphs, which lie beside this folder.
  server: {
    proxy: { "/api": { target: "http://127.0.0.1:8188", ws: true } },
    fs: { allow: [".."] },
  },
  test: {
    environment: "jsdom",
    include: ["tests/**/*.test.{ts,tsx}"],
    // Its colours are tested for contrast.
    css: { include: [/tokens\.css/] },
  },
});
