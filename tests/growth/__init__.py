"""What grows is kept for as long as the policy says, and a buyer who asks for it is gone."""
