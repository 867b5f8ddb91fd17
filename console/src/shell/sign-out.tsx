import { useQueryClient } from "@tanstack/react-query";
import { useLocation } from "wouter";
import { call } from "../api/http";

export function SignOut() {
  const client = useQueryClient();
  const [, navigate] = useLocation();
  const leave = async () => {
    await call("POST", "/api/logout/", {});
    client.clear();
    navigate("/sign-in");
  };
  return (
    <button type="button" className="quiet" onClick={leave}>
      Sign out
    </button>
  );
}
