import react from "@vitejs/plugin-react";
import { defineConfig } from "vite";

export default defineConfig({
  plugins: [react()],
  build: { outDir: "../src/furze/web/static", emptyOutDir: true, reportCompressedSize: true, target: "es2023" },
  // `npm run dev` beside a running furze: the console from source, everything else from the server.
  server: {
    proxy: Object.fromEntries(["/api", "/batch", "/i", "/e"].map((path) => [path, process.env.FURZE_URL ?? "http://127.0.0.1:8000"])),
  },
});
