import { useQuery } from "@tanstack/react-query";
import { call } from "../api/http";
import type { InstanceAnswer } from "../api/schema";

/** How the server is. */
export const useInstance = (refetchInterval: number | false = false) =>
  useQuery({ queryKey: ["instance"], queryFn: () => call<InstanceAnswer>("GET", "/api/instance/"), staleTime: 30_000, refetchInterval });
