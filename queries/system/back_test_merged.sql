-- Whose history it is
--
-- Customers who are somebody else's earlier self.
--
-- column customer_id  text  ja:"統合前の会員ID"  en:"Merged customer"
-- column survivor_id  text  ja:"統合先"          en:"Survivor"
SELECT customer_id, survivor_id FROM survivors ORDER BY customer_id
